//! Where a training stands, as bytes: a training that goes on from them gives the same bits as one that was never interrupted.
//!
//! A checkpoint is a file of [safetensors](https://github.com/huggingface/safetensors) with the parameters, the best ones so far and
//! the moments of the optimiser; the epochs and a fingerprint of the training stand in its metadata. Windows are drawn from the seed
//! alone, so no state of a generator is kept. Size: four numbers per parameter.

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use super::adam::Adam;
use super::training::Epoch;
use crate::error::{Error, Result};
use crate::math::float::Float;

const KEY: &str = "foretoken-checkpoint";
const TENSORS: [&str; 4] = ["parameters", "best", "first_moments", "second_moments"];

/// Puts a checkpoint away.
pub type Keep<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// What accompanies a training.
#[derive(Default)]
pub struct Run<'a> {
    /// Is told of every epoch.
    pub observe: Option<&'a mut dyn FnMut(&Epoch)>,
    /// Is given the checkpoint after every epoch; an error ends the training.
    pub keep: Option<Keep<'a>>,
    /// The checkpoint to go on from.
    pub resume: Option<&'a [u8]>,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("resume", &self.resume.map(<[u8]>::len)).finish_non_exhaustive()
    }
}

/// Where a training stands between two epochs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress<T> {
    pub(super) parameters: Vec<T>,
    pub(super) best: Vec<T>,
    /// The held-out loss of the best parameters; infinite before the first epoch.
    pub(super) best_loss: f64,
    /// The epoch of the best parameters; 0 before the first.
    pub(super) best_epoch: usize,
    pub(super) adam: Adam<T>,
    /// What the rate is multiplied by, after losses that were not finite.
    pub(super) factor: f64,
    pub(super) recoveries: usize,
    pub(super) history: Vec<Epoch>,
}

impl<T: Float> Progress<T> {
    pub(super) fn new(parameters: Vec<T>) -> Self {
        Self {
            best: parameters.clone(),
            best_loss: f64::INFINITY,
            best_epoch: 0,
            adam: Adam::new(parameters.len()),
            factor: 1.0,
            recoveries: 0,
            history: Vec::new(),
            parameters,
        }
    }

    pub(super) fn write(&self, fingerprint: &str) -> Result<Vec<u8>> {
        let bytes = [&self.parameters, &self.best, &self.adam.first, &self.adam.second]
            .map(|numbers| numbers.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect::<Vec<u8>>());
        // Every digit of a number that is not finite counts as well.
        let epoch = |epoch: &Epoch| {
            let numbers = [epoch.loss, epoch.held_out, epoch.gradient_norm, epoch.learning_rate, epoch.seconds];
            json!([epoch.number, epoch.of, numbers.map(f64::to_bits)])
        };
        let text = json!({
            "fingerprint": fingerprint,
            "best_loss": self.best_loss.to_bits(),
            "best_epoch": self.best_epoch,
            "steps": self.adam.steps,
            "factor": self.factor.to_bits(),
            "recoveries": self.recoveries,
            "history": self.history.iter().map(epoch).collect::<Vec<_>>(),
            "crc32": format!("{:08x}", crc32fast::hash(&bytes.concat())),
        });
        let shape = vec![self.parameters.len()];
        let views = bytes.iter().map(|bytes| TensorView::new(Dtype::F64, shape.clone(), bytes));
        let views: Vec<TensorView<'_>> =
            views.collect::<std::result::Result<_, _>>().map_err(|error| damaged(&error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), text.to_string())]);
        safetensors::serialize(TENSORS.into_iter().zip(views), Some(metadata))
            .map_err(|error| damaged(&error.to_string()))
    }

    /// # Errors
    /// If the bytes are no checkpoint, damaged, or of another training.
    pub(super) fn read(bytes: &[u8], fingerprint: &str, parameters: usize) -> Result<Self> {
        let broken = |error: safetensors::SafeTensorError| damaged(&error.to_string());
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| damaged("it holds no training"))?;
        let text: Value = serde_json::from_str(text).map_err(|error| damaged(&error.to_string()))?;
        if text["fingerprint"] != fingerprint {
            return Err(Error::usage("the checkpoint is of another training")
                .expected("the same series, options and seed as when it was written")
                .hint("give them again, or name another file to begin anew"));
        }
        let whole = |value: &Value| value.as_u64().ok_or_else(|| damaged("a number is missing"));
        let count = |value: &Value| whole(value).map(|number| number as usize);
        let number = |value: &Value| whole(value).map(f64::from_bits);
        let mut all = Vec::new();
        let mut read = |name: &str| {
            let tensor = tensors.tensor(name).map_err(broken)?;
            if tensor.dtype() != Dtype::F64 || tensor.shape() != [parameters] {
                return Err(damaged(&format!("the tensor `{name}` has another size")));
            }
            all.extend_from_slice(tensor.data());
            let numbers = tensor.data().chunks_exact(8);
            Ok(numbers.map(|bytes| T::of(f64::from_le_bytes(bytes.try_into().unwrap_or_default()))).collect::<Vec<T>>())
        };
        let [parameters, best, first, second] = TENSORS.map(&mut read);
        let progress = Self {
            parameters: parameters?,
            best: best?,
            best_loss: number(&text["best_loss"])?,
            best_epoch: count(&text["best_epoch"])?,
            adam: Adam { first: first?, second: second?, steps: count(&text["steps"])? },
            factor: number(&text["factor"])?,
            recoveries: count(&text["recoveries"])?,
            history: text["history"]
                .as_array()
                .ok_or_else(|| damaged("its epochs are missing"))?
                .iter()
                .map(|epoch| {
                    Ok(Epoch {
                        number: count(&epoch[0])?,
                        of: count(&epoch[1])?,
                        loss: number(&epoch[2][0])?,
                        held_out: number(&epoch[2][1])?,
                        gradient_norm: number(&epoch[2][2])?,
                        learning_rate: number(&epoch[2][3])?,
                        seconds: number(&epoch[2][4])?,
                        is_kept: false,
                    })
                })
                .collect::<Result<_>>()?,
        };
        if text["crc32"] != format!("{:08x}", crc32fast::hash(&all)) {
            return Err(damaged("its numbers are not those that were written"));
        }
        Ok(progress)
    }
}

fn damaged(what: &str) -> Error {
    Error::data(format!("the checkpoint cannot be read: {what}"))
        .expected("a file that `foretoken fit --checkpoint` wrote")
        .hint("name another file to begin anew")
}
