//! Neural autoregressive forecasters: small networks that model p(x_t | x_<t), trained by maximum likelihood.
//!
//! ```text
//! series -- link, scale of the context --> window -- inputs per step --> backbone -- features --> output --> head: p(z_t | past)
//!           frame                          examples                      mlp, recurrent,          network    head
//!                                                                        conv, transformer
//! ```
//!
//! | room | holds |
//! |---|---|
//! | `spec` | [`NeuralSpec`]: what to fit, and how its blanks are filled in |
//! | `frame`, `examples` | windows, their scale, the inputs of every step; batches of them |
//! | `backbone` | what a body is, and the laws that each keeps: `mlp`, `recurrent`, `conv`, `transformer` (over `attention`, `norm`) |
//! | `parameters`, `layers`, `network` | one flat vector of parameters with named parts; affine maps and activations; body and output together |
//! | `head` | rows of numbers become distributions, and log densities gradients |
//! | `training`, `adam`, `exposure`, `checkpoint` | the loop, its steps, the remedies for exposure bias, and how to go on after an interruption |
//! | `model` | [`Neural`] and its sessions |
//! | `ensemble` | [`EnsembleSpec`]: networks of several seeds, averaged |
//!
//! **What a row sees.** A window has a context of R values and spans of L values after it; at the end of a span the last R values
//! become the context of the next. A row sees the lags of its step (a feed-forward network those of its whole context), the
//! values one season before it and their neighbours, the phase of every season, covariates, and location and spread of the context.
//! Networks with a memory run over the window; nothing before it matters, so a step's cost does not grow with the past, and no
//! network meets a longer past than it was trained on. Rows are undefined until R values have been seen, or
//! fewer where a panel has shorter series, before which values count as missing. A missing value is the last
//! known one, with an indicator among the inputs; of a network whose training values had none, the rows that may rest on it are undefined.
//!
//! **Scores** are in the units of the data: z is standardised by the context alone, through a logarithm where all training values are
//! positive, and the map of every row carries the Jacobian. Whole numbers of a small mean get the negative binomial, other values
//! of 0 and above bins that end at 0: what was never negative is never drawn negative, unless a head or a link is asked for that
//! knows no such end.
//!
//! **Cost** of one step of one lane, in multiplications (width h, l layers): GRU 6 h^2 l, LSTM 8 h^2 l, convolution 6 h^2 l,
//! transformer 12 h^2 l + 2 h l per past step, feed-forward h (R + h (l - 1)). A training window of W + L steps costs three times as
//! much per step. Memory: the tape of 16 windows per thread, per step, unit and layer 5 numbers (GRU), 6 (LSTM), 4 (convolution), 16
//! and the weights of attention (transformer). Passes run in single precision; gradients
//! are checked in double.
//!
//! The same seed gives the same bits on any number of threads. They may differ between instruction sets, as sums of products do.
//!
//! Forward and backward passes are written by hand over the matrix products of `gemm`. Cells are PyTorch's `GRU` and `LSTM`,
//! convolutions those of WaveNet (van den Oord et al. 2016, arXiv 1609.03499) with kernel 2, transformers decoders with RMS norms
//! before each block and rotary positions. Features, gradients, densities and steps are PyTorch's to 1e-9
//! (`tests/reference/neural/networks.py`).

mod adam;
mod attention;
mod backbone;
#[doc(hidden)]
pub mod bench;
mod checkpoint;
mod conv;
mod ensemble;
mod examples;
mod exposure;
mod frame;
#[cfg(test)]
mod golden;
mod head;
mod layers;
mod mlp;
mod model;
mod network;
mod norm;
mod parameters;
mod recurrent;
mod spec;
mod training;
mod transformer;

pub(crate) use self::frame::{Frame, Limits, Scale};
pub(crate) use self::head::Head;
pub(crate) use self::model::{Net, Place, Weights};
pub(crate) use self::spec::Body;

pub use self::checkpoint::{Keep, Run};
pub use self::ensemble::EnsembleSpec;
pub use self::exposure::{Remedy, Rise};
pub use self::model::{AttentionMap, Neural};
pub use self::spec::{Architecture, HeadChoice, NeuralSpec};
pub use self::training::{Epoch, Training};
