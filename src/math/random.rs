//! One random stream per lane.
//!
//! A stream is ChaCha8 keyed by a seed, at the stream number of its lane (Bernstein 2008, *ChaCha, a variant of
//! Salsa20*). So what a lane draws depends on (seed, lane) alone: not on the batch size, the number of threads or
//! the order in which lanes are stepped.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::normals::{normal_pair, on_unit_interval};

/// The random stream of one lane.
///
/// ```
/// use foretoken::math::random::LaneRng;
///
/// let (mut a, mut b) = (LaneRng::new(1, 0), LaneRng::new(1, 1));
/// assert_ne!(a.uniform(), b.uniform());
/// assert_eq!(LaneRng::new(1, 0).normal(), LaneRng::new(1, 0).normal());
/// ```
#[derive(Debug, Clone)]
pub struct LaneRng {
    stream: ChaCha8Rng,
    spare_normal: Option<f64>,
    mirrored: bool,
}

impl LaneRng {
    /// The stream of `lane` under `seed`.
    #[must_use]
    pub fn new(seed: u64, lane: u64) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(lane);
        Self { stream, spare_normal: None, mirrored: false }
    }

    /// The antithetic stream (Hammersley and Morton 1956, *Proc. Camb. Phil. Soc.* 52, p. 449): 1 - u for every uniform u,
    /// -z for every normal or Student-t z. Each has the same law, and the average of the two varies less.
    ///
    /// ```
    /// use foretoken::math::random::LaneRng;
    ///
    /// let mut pair = [LaneRng::new(1, 0), LaneRng::new(1, 0).mirrored()];
    /// assert_eq!(pair.each_mut().map(LaneRng::uniform).iter().sum::<f64>(), 1.0);
    /// assert_eq!(pair.each_mut().map(LaneRng::normal).iter().sum::<f64>(), 0.0);
    /// ```
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { mirrored: !self.mirrored, ..self }
    }

    /// A uniform draw from the open interval (0, 1), on a grid of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        let bits = self.stream.next_u64();
        on_unit_interval(if self.mirrored { !bits } else { bits })
    }

    /// A standard normal draw, by Box and Muller's transform (1958); every second call is free.
    pub fn normal(&mut self) -> f64 {
        let normal = self.spare_normal.take().unwrap_or_else(|| self.fresh_normal());
        if self.mirrored { -normal } else { normal }
    }

    /// The key that the seed was made into.
    pub(super) fn key(&self) -> [u8; 32] {
        self.stream.get_seed()
    }

    fn fresh_normal(&mut self) -> f64 {
        let (first, second) = normal_pair(self.stream.next_u64(), self.stream.next_u64());
        self.spare_normal = Some(second);
        first
    }

    /// A Student-t draw with `dof` degrees of freedom, by Bailey's polar method (1994, Math. Comp. 62, p. 780).
    pub fn student_t(&mut self, dof: f64) -> f64 {
        loop {
            let u = 2.0 * self.uniform() - 1.0;
            let v = 2.0 * self.uniform() - 1.0;
            let w = u * u + v * v;
            if w > 0.0 && w <= 1.0 {
                return u * (dof * (w.powf(-2.0 / dof) - 1.0) / w).sqrt();
            }
        }
    }

    /// A uniform draw from 0..n, for n well below 2^32 (bias under n / 2^64).
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.stream.next_u64()) * n as u128) >> 64) as usize
    }
}
