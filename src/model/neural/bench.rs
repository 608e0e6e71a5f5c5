//! What `benches/neural.rs` measures: training steps of given shapes, and networks that were not trained.

use std::sync::{Arc, Mutex};

use super::adam::Adam;
use super::frame::{Frame, Limits, Scale, Window};
use super::head::Head;
use super::model::{Net, Neural, Place, Weights};
use super::network::Network;
use super::spec::{Architecture, Body};
use super::training::{Scratch, Trainer, Training};
use crate::error::Result;
use crate::math::random::LaneRng;
use crate::predictive::{Bins, Link};

/// The sizes of a network.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The body.
    pub architecture: Architecture,
    /// Units of every layer.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// How many past values a step reads.
    pub lags: usize,
    /// Steps of a window.
    pub steps: usize,
    /// Bins of equal width from -4 to 4 instead of a normal.
    pub tokens: Option<usize>,
}

impl Sizes {
    fn frame(self) -> Frame {
        Frame {
            lags: (1..=self.lags).collect(),
            warm: 0,
            span: self.steps,
            least: self.lags,
            periods: Vec::new(),
            covariates: Vec::new(),
            has_indicators: false,
            is_scaled: false,
            is_nonnegative: false,
            training: Scale { location: 0.0, spread: 1.0 },
            limits: Limits::NONE,
            gap: 0.0,
            link: Link::Identity,
            series: Vec::new(),
        }
    }

    fn network(self) -> Result<Network> {
        let head = match self.tokens {
            None => Head::Gaussian,
            Some(count) => {
                let edge = |i: usize| 8.0 * i as f64 / count as f64 - 4.0;
                Head::Tokens(Arc::new(Bins::new((1..count).map(edge).collect(), [0.1, 0.1])?))
            }
        };
        let Self { architecture, hidden, layers, .. } = self;
        let body = Body { architecture, hidden, layers, has_constant_scale: false };
        // Dilations up to a quarter of the window.
        Ok(body.network(&Frame { warm: self.steps / 2 - 1, ..self.frame() }, head))
    }

    /// A network as it begins, whose context is a window of feed-forward lags, or of as many steps as its windows have.
    ///
    /// # Errors
    /// If the tokens make no bins.
    pub fn untrained(self) -> Result<Neural> {
        let Self { architecture, hidden, layers, .. } = self;
        let network = self.network()?;
        let parameters = network.initialise(&mut LaneRng::new(0, 0));
        let warm = if architecture == Architecture::Mlp { 0 } else { self.steps - 1 };
        Ok(Neural {
            body: Body { architecture, hidden, layers, has_constant_scale: false },
            frame: Frame { warm, span: 64, ..self.frame() },
            covariates: Vec::new(),
            weights: Arc::new(Weights::Single(Net::new(network, parameters))),
            history: Vec::new(),
            place: Place::default(),
        })
    }
}

/// A network in training on the same windows again and again.
#[derive(Debug)]
pub struct Steps {
    network: Network,
    frame: Frame,
    training: Training,
    parameters: Vec<f32>,
    adam: Adam<f32>,
    scratch: Mutex<Vec<Scratch<f32>>>,
    windows: Vec<Window>,
    number: u64,
}

impl Steps {
    /// On so many windows of noise per step.
    ///
    /// # Errors
    /// If the tokens make no bins.
    pub fn new(sizes: Sizes, batch: usize) -> Result<Self> {
        let (network, frame) = (sizes.network()?, sizes.frame());
        let mut rng = LaneRng::new(3, 0);
        let windows = (0..batch).map(|_| {
            let past: Vec<f64> = (0..frame.reach()).map(|_| rng.normal()).collect();
            let mut window = frame.window(&past, 0, &[]);
            (0..frame.span).for_each(|_| window.push(rng.normal()));
            window
        });
        let windows = windows.collect();
        let parameters = network.initialise::<f32>(&mut LaneRng::new(0, 0));
        let adam = Adam::new(parameters.len());
        let training = Training { batch, dropout: 0.0, ..Training::default() };
        Ok(Self { network, frame, training, parameters, adam, scratch: Mutex::default(), windows, number: 0 })
    }

    /// One step of training, from windows to parameters: the loss.
    pub fn step(&mut self) -> f64 {
        let Self { network, frame, training, adam, scratch, .. } = self;
        let parameters = std::mem::take(&mut self.parameters);
        let mut trainer = Trainer { network, frame, training, parameters };
        let (loss, _) = trainer.step(self.windows.clone(), 0.0, self.number, 1e-3, adam, scratch);
        self.parameters = trainer.parameters;
        self.number += 1;
        loss
    }
}
