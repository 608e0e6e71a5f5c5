//! The binary as a user runs it: files and options in; tables, charts, messages and exit codes out.
#![cfg(feature = "cli")]

mod bad_input;
mod config;
mod covariates;
mod detect;
mod fit;
mod forecast;
mod formats;
mod generate;
mod golden;
mod inspect_plot;
mod loaded_models;
mod missing;
mod model_file;
mod network_charts;
mod networks;
mod properties;
mod residual_check;
mod score;
mod support;
mod tokens;
mod uncertainty;
mod vector;
