//! What can be typed: the argument structs, and nothing else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use super::network::NetworkArgs;
use crate::forecast::MAX_HORIZON;
use crate::generate::{FixMode, Stop};
use crate::model::linear::Fourier;
use crate::model::token::quantiser::{MAX_BINS, MIN_BINS};

/// Autoregressive time series: forecast a CSV, find its anomalies, plot both.
#[derive(Debug, Parser)]
#[command(
    name = "foretoken",
    version,
    max_term_width = 100,
    after_help = "Examples:
  foretoken forecast datasets/air_passengers.csv --horizon 24 --plot forecast.svg
  foretoken forecast sales.parquet -H 12 --id store --time month --value units -o forecasts.csv
  foretoken detect datasets/sensor_anomalies.csv --train-rows 4000 --plot anomalies.svg
  foretoken fit datasets/lynx.csv --order 11 --difference 0 --json
  cat series.csv | foretoken inspect -

Exit codes: 0 ok, 1 failure, 2 usage, 3 bad data, 4 some series failed (listed on stderr),
10 anomalies found with --fail-on-anomaly."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Take options from this TOML file too: keys are their names, such as hidden = 32, for one command alone in a table of
    /// its name, such as [fit]; what is typed goes first
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Forecast every series of a file, with intervals.
    #[command(
        after_help = "Examples:
  foretoken forecast datasets/air_passengers.csv --horizon 24 --plot forecast.svg
  foretoken forecast datasets/panel_sales.csv -H 6 --model ar,snaive -o forecasts.csv
  foretoken forecast datasets/nile.csv -H 10 --level 50,90 --json
  foretoken forecast sales.csv -H 6 --covariates price,promotion --future plan.csv
  foretoken forecast datasets/lynx.csv -H 20 --paths 200 --seed 7 -o paths.parquet
  foretoken forecast datasets/lynx.csv -H 20 --decode nucleus --top-p 0.8
  foretoken forecast rates.csv --value short_rate -H 12 --model var --order 2
  foretoken forecast --load model.json -H 12
  foretoken forecast --load model.json --update new.csv -H 12 --save model.json

--load forecasts with the models of a file (see foretoken fit --save) from the values that it holds, without a fit.
--update first appends the rows of a table that follow them; rows that are saved already are skipped.",
        mut_arg("file", |file| file.required(false).required_unless_present("load"))
    )]
    Forecast(ForecastArgs),
    /// Fit one model to every series: its numbers for scripts, its residuals, a model file.
    #[command(after_help = "Examples:
  foretoken fit datasets/lynx.csv --order 11 --estimator yule-walker --difference 0 --json
  foretoken fit datasets/air_passengers.csv --transform log --difference 1 --residuals residuals.csv
  foretoken fit datasets/panel_sales.csv --save models.json -H 6 --json
  foretoken fit rates.csv --value short_rate --model var --order 2

--json prints one object per series and line, every digit, null for what does not exist:
  the id column, if there is one   the series
  model                            what was fitted, in words
  estimator                        as --estimator spells it; null for models other than ar
  order, lags                      p and the lags that have a coefficient
  coefficients, standard_errors    of lags 1..p, 0 and null for lags left out; without the seasonal factor
  seasonal_coefficients, seasonal_standard_errors   of the factor in B^m
  intercept, intercept_standard_error               c of x_t = c + sum phi_i x_{t-i} + e_t
  mean, mean_standard_error        c / (1 - sum phi) of stationary levels, or the estimated mean
  trend                            the slope per step in the equation
  terms                            name: {estimate, std_error} of all that stands beside the lags
  innovation_variance, innovation_variance_unbiased
  student_t                        {scale, degrees_of_freedom} of --estimator robust
  log_likelihood, aic, aicc, bic, hqic, observations, converged
                                   the likelihood of the data in their own units, behind a transform with its Jacobian
  transform, differences, seasonal_differences, preprocessing
                                   what was done first; coefficients and variances are those of the transformed values
  members                          of an average: weight and the keys from order to innovation_variance of each
  warnings                         texts
  forecast                         with -H: the time column, mean, median, se, lo-80, hi-80, lo-95, hi-95

--model var prints one object for all series together: model, series, order, coefficients and standard_errors (of lag l
at l - 1 a row per equation, a column per series), terms, innovation_covariance, its likelihood and criteria,
root_moduli, granger (causing, caused, f, p_value, ..), warnings, and forecast by series with -H.

One model is fitted. foretoken forecast averages the models without and with drift where values are differenced;
--average drift fits and saves that average.",
        mut_arg("trend", |trend| trend.help("Terms beside the lags: n none, c intercept, ct intercept and trend [default: c]")),
        mut_arg("average", |average| average.help("What is averaged: auto is none here, unlike in forecast"))
    )]
    Fit(FitArgs),
    /// Find values that the past does not explain.
    #[command(after_help = "Examples:
  foretoken detect datasets/sensor_anomalies.csv --train-rows 4000 --plot anomalies.svg
  foretoken detect log.csv --train-until 2024-03-01 --false-alarm-rate 0.0001 -o scored.csv
  foretoken detect today.csv --fail-on-anomaly > scored.csv || notify
  foretoken detect today.csv --load model.json -o scored.csv

Every input row is repeated with: expected, lo, hi, surprisal (nats), p_value, is_anomaly.")]
    Detect(DetectArgs),
    /// Describe a file: rows, span, frequency, gaps, period, autocorrelations, which order fits, and how well.
    #[command(after_help = "Examples:
  foretoken inspect datasets/lynx.csv
  foretoken inspect datasets/nile.csv --order 2 --estimator least-squares --difference 0 --report check.html
  foretoken inspect datasets/hourly_load.csv --plot diagnostics.svg
  foretoken inspect --load model.json
  foretoken inspect --load model.safetensors --attention attention.svg",
        mut_arg("file", |file| file.required(false).required_unless_present("load"))
    )]
    Inspect(InspectArgs),
    /// Generate paths that continue every series, value by value.
    #[command(after_help = "Examples:
  foretoken generate datasets/lynx.csv -H 20 --paths 5 --seed 7
  foretoken generate datasets/air_passengers.csv -H 12 --paths 100 --decode nucleus --top-p 0.8 -o paths.csv
  foretoken generate datasets/nile.csv -H 50 --paths 1000 --until 'value<600' --json
  foretoken generate datasets/air_passengers.csv -H 12 --paths 200 --fix scenario.csv --plot scenario.svg
  foretoken generate --symbols characters README.md -H 400 --order 5

The output has one row per path and step: the id and time columns and the value column of the input, then sample_id,
log_prob (ln p of the whole path under the model) and log_q (under the decoding). Deterministic decodings (mean, median,
greedy, beam) and best-of write one path. Decodings act in the model's own units, before logarithms are undone.

--fix takes a table with the id, time and value columns of FILE: the value of each of its rows is fixed at its time.
--fix-mode condition draws the other steps, earlier ones too, given the fixed values; intervene sets them when their time
comes, so that only later steps change.

--load generates with the models of a file (see foretoken fit --save) from the values that it holds, without a fit.

--symbols reads FILE as a text and writes to standard output what a Markov chain over its symbols makes after it. With --fix
the text of that file begins every path, from an empty past: a prompt, or the upper half of an image.",
        mut_arg("file", |file| file.required(false).required_unless_present("load"))
    )]
    Generate(GenerateArgs),
    /// Fit on the rows before the last N of every series, and score those N: log-likelihood, bits, perplexity.
    #[command(after_help = "Examples:
  foretoken score datasets/lynx.csv --test-rows 30
  foretoken score datasets/sunspots_yearly.csv --model markov --test-rows 60 --json
  foretoken score datasets/hourly_load.csv --test-rows 168 -o scores.csv
  foretoken score datasets/hourly_load.csv --test-rows 336 --model gru --exposure 48 --plot exposure.svg

--json prints one object per series and line, every digit, null for what does not exist:
  the id column, if there is one   the series
  model                            what was fitted, in words
  log_likelihood                   sum of ln p(x_t | x_<t) over the held-out values, in nats of the data's own units
  values                           how many have a score
  nats_per_value, bits_per_value   the mean surprisal
  perplexity                       exp of the mean surprisal of the tokens; null for models without tokens
  pit_histogram                    how many values fall into each tenth of their conditional distribution
  warnings                         texts
  exposure                         of --exposure: origins, paths, and by horizon, from 1 on: values, and of teacher_forced
                                   and free_running forecasts crps, rmse, coverage (of 80 % intervals) and mean_pit;
                                   nats_per_value of those that are teacher-forced

The fit never sees the held-out rows. Each of them is scored given all rows before it.

--exposure H forecasts up to H steps ahead from at most 200 of the held-out rows, given the true past up to each step
(teacher-forced) and given the model's own draws since the origin (free-running). The free-running error grows with the
horizon for two reasons: the future is uncertain, and the model's own draws may mislead it (exposure bias). Where only the
first is at work, 80 % of the values stay inside their 80 % interval, and the mean PIT stays at 0.5.")]
    Score(ScoreArgs),
    /// Write the values of a file as tokens: the numbers of bins, or merged ones.
    #[command(after_help = "Examples:
  foretoken tokenize datasets/sunspots_yearly.csv -o sunspots.tokens --bins 16
  foretoken tokenize datasets/hourly_load.csv -o load.tokens --quantiser uniform --bins 12 --merges 200
  foretoken detokenize sunspots.tokens -o sunspots.csv

The token file has one header line `#foretoken-tokens v1 {..}` with all that decoding needs, then a table: the id and time
columns of FILE and the column token, empty where a value is missing. With --merges or --vocabulary a row is a token of the
merged vocabulary, at the time of its first value. What tokens keep and lose is said on standard error.")]
    Tokenize(TokenizeArgs),
    /// Write the values that the tokens of a file stand for: the centres of their bins.
    #[command(after_help = "Example:
  foretoken detokenize sunspots.tokens -o sunspots.csv")]
    Detokenize(DetokenizeArgs),
    /// Draw every series of a file.
    #[command(after_help = "Example:
  foretoken plot datasets/panel_sales.csv -o panel.svg")]
    Plot(PlotArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:
  foretoken completions bash > ~/.local/share/bash-completion/completions/foretoken")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Which file, and which of its columns is what.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// CSV, TSV, Parquet or NDJSON file (.gz too); - reads standard input
    #[arg(required = true)]
    pub(crate) file: Option<PathBuf>,
    /// Column that names the series [default: unique_id, if there is one]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Option<String>,
    /// Column of times [default: ds, or the first column that reads as times]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time: Option<String>,
    /// Column of values [default: y, or the only numeric column left]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) value: Option<String>,
    /// Further columns of numbers that ar uses beside the lags, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) covariates: Vec<String>,
    /// Step between times, as polars (15m, 1d, 1mo) or pandas (15min, D, MS) spell it [default: inferred]
    #[arg(long, value_name = "FREQ")]
    pub(crate) freq: Option<String>,
    /// What to do about missing values and gaps [default: error to fit, forecast and generate, keep otherwise]
    #[arg(long, value_enum)]
    pub(crate) missing: Option<MissingArg>,
    /// Season length in steps, 0 for none [default: inferred]
    #[arg(long, value_name = "M", value_parser = parse_period, allow_negative_numbers = true)]
    pub(crate) period: Option<usize>,
}

impl InputArgs {
    /// The file; standard input where none is needed.
    pub(crate) fn file(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new("-"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingArg {
    /// Stop and say where they are
    Error,
    /// Leave them out and treat the rest as consecutive
    Drop,
    /// Fill them linearly in time
    Interpolate,
    /// Keep them as unknown; models skip what depends on them
    Keep,
}

/// Which model, and how it is fitted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of ar")]
pub(crate) struct ModelArgs {
    /// Order p of ar and var, auto, or subset (the best set of lags)
    #[arg(long, value_name = "P|auto|subset", default_value = "auto", value_parser = parse_order, allow_negative_numbers = true)]
    pub(crate) order: OrderArg,
    /// These lags and no others, separated by commas
    #[arg(long, value_name = "LAGS", value_delimiter = ',', value_parser = parse_lag, conflicts_with = "order")]
    pub(crate) lags: Vec<usize>,
    /// Order P of a seasonal factor in B^m, the period: a multiplicative (p)(P)_m; needs --estimator exact
    #[arg(long, value_name = "P", value_parser = parse_seasonal_order)]
    pub(crate) seasonal_order: Option<usize>,
    /// Criterion of --order auto and subset
    #[arg(long, value_enum, default_value_t = CriterionArg::Aicc)]
    pub(crate) criterion: CriterionArg,
    /// Largest order that --order auto tries [default: by length and period]
    #[arg(long, value_name = "P", value_parser = parse_max_order, allow_negative_numbers = true)]
    pub(crate) max_order: Option<usize>,
    /// Estimator [default: burg, without a period yule-walker; least-squares for long series; exact around gaps]
    #[arg(long, value_enum)]
    pub(crate) estimator: Option<EstimatorArg>,
    /// Weight of a row relative to that of the next, for --estimator recursive
    #[arg(long, value_name = "WEIGHT", value_parser = parse_forgetting)]
    pub(crate) forgetting: Option<f64>,
    /// Penalty on least squares coefficients
    #[arg(long, value_enum)]
    pub(crate) penalty: Option<PenaltyArg>,
    /// Strength of the penalty [default: chosen on rolling origins]
    #[arg(long, value_name = "LAMBDA", value_parser = parse_strength, requires = "penalty")]
    pub(crate) strength: Option<f64>,
    /// Share of absolute values in --penalty elastic-net
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = parse_share)]
    pub(crate) l1_ratio: f64,
    /// Standard errors of least squares
    #[arg(long, value_enum, default_value_t = ErrorsArg::Classical)]
    pub(crate) errors: ErrorsArg,
    /// First differences d, or auto
    #[arg(long, value_name = "D|auto", default_value = "auto", value_parser = parse_difference)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) difference: OrAuto<usize>,
    /// Season: none, factors (classical, divided out), difference, dummies, or auto
    #[arg(long, value_enum, default_value_t = SeasonalArg::Auto)]
    pub(crate) seasonal: SeasonalArg,
    /// Sines and cosines PERIOD:HARMONICS beside the lags, separated by commas, like 7:3,365.25:2
    #[arg(long, value_name = "TERMS", value_delimiter = ',', value_parser = parse_fourier)]
    pub(crate) fourier: Vec<Fourier>,
    /// Transform before the AR
    #[arg(long, value_enum, default_value_t = TransformArg::Auto)]
    pub(crate) transform: TransformArg,
    /// Terms beside the lags: n none, c intercept, ct intercept and trend [default: c; of differences n and c averaged]
    #[arg(long, value_enum)]
    pub(crate) trend: Option<TrendArg>,
    /// What is averaged: the models without and with drift, or all orders
    #[arg(long, value_enum, default_value_t = AverageArg::Auto)]
    pub(crate) average: AverageArg,
    /// Weights of the average: equal, or by a criterion
    #[arg(long, value_enum, default_value_t = WeightsArg::Equal)]
    pub(crate) weights: WeightsArg,
    /// Bins of the tokens of markov [default: n^(1/3)]
    #[arg(long, value_name = "B", value_parser = parse_bins, allow_negative_numbers = true)]
    #[arg(help_heading = "Options of markov and codebook, beside --order, --max-order, --difference and --transform")]
    pub(crate) bins: Option<usize>,
    /// Where the edges of the bins lie [default: quantile]
    #[arg(long, value_enum)]
    #[arg(help_heading = "Options of markov and codebook, beside --order, --max-order, --difference and --transform")]
    pub(crate) quantiser: Option<QuantiserArg>,
    /// Codes of the codebook [default: the likeliest for the later fifth]
    #[arg(long, value_name = "K", value_parser = parse_codes, allow_negative_numbers = true)]
    #[arg(help_heading = "Options of markov and codebook, beside --order, --max-order, --difference and --transform")]
    pub(crate) codes: Option<usize>,
    /// Values of a patch of the codebook [default: the likeliest for the later fifth]
    #[arg(long, value_name = "P", value_parser = parse_codes, allow_negative_numbers = true)]
    #[arg(help_heading = "Options of markov and codebook, beside --order, --max-order, --difference and --transform")]
    pub(crate) patch: Option<usize>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Where the edges of bins lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QuantiserArg {
    /// Equal widths
    Uniform,
    /// Equal numbers of values
    Quantile,
    /// Equal widths on a scale that is logarithmic in both directions
    MuLaw,
    /// The least squared error
    KMeans,
}

fn parse_bins(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bins) if (MIN_BINS..=MAX_BINS).contains(&bins) => Ok(bins),
        _ => Err(format!("expected a whole number from {MIN_BINS} to {MAX_BINS}")),
    }
}

fn parse_codes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=4096).contains(&count) => Ok(count),
        _ => Err("expected a whole number from 1 to 4096".to_owned()),
    }
}

/// The order of an autoregression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderArg {
    Auto,
    Subset,
    Value(usize),
}

/// A number, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrAuto<T> {
    Auto,
    Value(T),
}

/// Orders beyond this are refused as typing errors: a fit would need that many squared numbers.
const MAX_ORDER: usize = 5_000;

/// Periods beyond this are refused as typing errors.
const MAX_PERIOD: usize = 1_000_000;

fn parse_period(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(period) if period <= MAX_PERIOD => Ok(period),
        _ => Err(format!("expected a whole number from 0 to {MAX_PERIOD}")),
    }
}

fn parse_horizon(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(steps) if (1..=MAX_HORIZON).contains(&steps) => Ok(steps),
        _ => Err(format!("expected a number of steps from 1 to {MAX_HORIZON}, like 12")),
    }
}

fn parse_rows(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a number of rows, like 1000".to_owned())
}

fn parse_max_order(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(order) if order <= MAX_ORDER => Ok(order),
        _ => Err(format!("expected a whole number from 0 to {MAX_ORDER}")),
    }
}

fn parse_order(text: &str) -> Result<OrderArg, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(OrderArg::Auto),
        ("subset", _) => Ok(OrderArg::Subset),
        (_, Ok(order)) if order <= MAX_ORDER => Ok(OrderArg::Value(order)),
        _ => Err(format!("expected `auto`, `subset` or a whole number from 0 to {MAX_ORDER}")),
    }
}

fn parse_lag(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(lag) if (1..=MAX_ORDER).contains(&lag) => Ok(lag),
        _ => Err(format!("expected whole numbers from 1 to {MAX_ORDER}, like 1,12,13")),
    }
}

fn parse_seasonal_order(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(order) if (1..=10).contains(&order) => Ok(order),
        _ => Err("expected a whole number from 1 to 10".to_owned()),
    }
}

fn parse_forgetting(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(weight) if weight > 0.0 && weight <= 1.0 => Ok(weight),
        _ => Err("expected a number above 0 and at most 1, like 0.99".to_owned()),
    }
}

fn parse_strength(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(strength) if strength >= 0.0 && strength.is_finite() => Ok(strength),
        _ => Err("expected a number of at least 0".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

fn parse_fourier(text: &str) -> Result<Fourier, String> {
    let parsed = text.trim().split_once(':').and_then(|(period, harmonics)| {
        Some(Fourier { period: period.parse().ok()?, harmonics: harmonics.parse().ok()? })
    });
    parsed.ok_or_else(|| "expected PERIOD:HARMONICS, like 7:3 or 365.25:2".to_owned())
}

fn parse_difference(text: &str) -> Result<OrAuto<usize>, String> {
    parse_or_auto(text, 2)
}

fn parse_or_auto(text: &str, max: usize) -> Result<OrAuto<usize>, String> {
    if text == "auto" {
        return Ok(OrAuto::Auto);
    }
    match text.parse() {
        Ok(value) if value <= max => Ok(OrAuto::Value(value)),
        _ => Err(format!("expected `auto` or a whole number from 0 to {max}")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CriterionArg {
    Aic,
    Aicc,
    Bic,
    Hqic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EstimatorArg {
    YuleWalker,
    /// Yule-Walker with autocovariances over n - k
    YuleWalkerAdjusted,
    LeastSquares,
    Burg,
    /// Burg with the variance of the forward and backward errors
    BurgErrors,
    /// Exact Gaussian maximum likelihood
    Exact,
    /// Student's t innovations by maximum likelihood
    Robust,
    /// Recursive least squares
    Recursive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PenaltyArg {
    Ridge,
    Lasso,
    ElasticNet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorsArg {
    /// Errors of one variance
    Classical,
    /// Robust to heteroskedasticity (HC1)
    Hc,
    /// Robust to heteroskedasticity and autocorrelation (Newey-West)
    Hac,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AverageArg {
    Auto,
    None,
    Drift,
    Orders,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsArg {
    Equal,
    Aic,
    Aicc,
    Bic,
    Hqic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeasonalArg {
    Auto,
    None,
    Factors,
    Difference,
    /// Seasonal dummies beside the lags
    Dummies,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransformArg {
    Auto,
    None,
    Log,
    BoxCox,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrendArg {
    N,
    C,
    Ct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum ModelName {
    /// Autoregression with automatic preprocessing
    Ar,
    /// Constant mean
    Mean,
    /// Last value
    Naive,
    /// Random walk with drift
    Rwd,
    /// Value one season ago
    Snaive,
    /// Markov chain over tokens of the values
    Markov,
    /// Markov chain over a learned codebook of patches
    Codebook,
    /// Feed-forward network over the lags
    Mlp,
    /// Recurrent network of gated units
    Gru,
    /// Recurrent network with long short-term memory
    Lstm,
    /// Causal dilated convolutions
    Conv,
    /// Decoder-only transformer
    Transformer,
    /// Vector autoregression: all series, or all numeric columns, explain each other
    Var,
}

/// Models of one series: the others are read, so that a refusal can say why, and not listed.
#[derive(Debug, Clone)]
struct OfOneSeries;

impl TypedValueParser for OfOneSeries {
    type Value = ModelName;

    fn parse_ref(&self, cmd: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<ModelName, clap::Error> {
        let var = ModelName::Var.to_possible_value();
        match var.is_some_and(|var| value.to_str().is_some_and(|value| var.matches(value, false))) {
            true => Ok(ModelName::Var),
            false => {
                let names = PossibleValuesParser::new(self.possible_values().into_iter().flatten());
                let name = names.parse_ref(cmd, arg, value)?;
                Ok(ModelName::from_str(&name, false).unwrap_or(ModelName::Ar))
            }
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let single = ModelName::value_variants().iter().filter(|name| **name != ModelName::Var);
        Some(Box::new(single.filter_map(ValueEnum::to_possible_value)))
    }
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("random").args(["paths", "decode", "temperature", "parameter_uncertainty"]).multiple(true))]
pub(crate) struct ForecastArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Table of the covariates' values ahead, with the columns of ids, times and covariates [default: rows of FILE
    /// without value at its end]
    #[arg(long, value_name = "FILE")]
    pub(crate) future: Option<PathBuf>,
    /// Steps to forecast
    #[arg(short = 'H', long, value_name = "N", value_parser = parse_horizon, allow_negative_numbers = true)]
    pub(crate) horizon: usize,
    /// Models, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ar")]
    pub(crate) model: Vec<ModelName>,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    /// Coverage of the intervals in percent, separated by commas
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "80,95", value_parser = parse_level)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) level: Vec<f64>,
    /// What the point column holds
    #[arg(long, value_enum, default_value_t = PointArg::Mean)]
    pub(crate) point: PointArg,
    /// Write this many sampled paths (column sample_id) instead of intervals
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    #[arg(allow_negative_numbers = true)]
    pub(crate) paths: Option<u32>,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    /// Let intervals and paths of ar also hold the uncertainty of its estimated parameters: of every estimator but robust,
    /// and without --penalty
    #[arg(long)]
    pub(crate) parameter_uncertainty: bool,
    /// Draws of the parameters that stand for their distribution
    #[arg(long, value_name = "N", default_value_t = 200, requires = "parameter_uncertainty")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000), allow_negative_numbers = true)]
    pub(crate) draws: u32,
    /// Seed of sampled paths and drawn parameters
    #[arg(long, default_value_t = 0, requires = "random")]
    pub(crate) seed: u64,
    /// Forecast with the models of this file, without a fit
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["file", "model", "period"])]
    pub(crate) load: Option<PathBuf>,
    /// Continue the values of the model file by the rows of this table
    #[arg(long, value_name = "FILE", requires = "load")]
    pub(crate) update: Option<PathBuf>,
    /// Write the models with their longer past here
    #[arg(long, value_name = "MODEL", requires = "update")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PointArg {
    Mean,
    Median,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Model
    #[arg(long, value_enum, default_value = "ar")]
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    /// Seed of the training of a network, the same as --training-seed
    #[arg(long, value_name = "SEED", conflicts_with = "training_seed")]
    pub(crate) seed: Option<u64>,
    /// Train the network of this file further: what it sees (lags, scales, seasons) stays, its parameters begin as they are
    #[arg(long, value_name = "MODEL")]
    pub(crate) warm_start: Option<PathBuf>,
    /// Keep where the training stands here after every epoch, and go on from there if the file exists
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Table of the covariates' values ahead, for -H and for the model file [default: rows of FILE without value at its
    /// end]
    #[arg(long, value_name = "FILE", requires = "covariates")]
    pub(crate) future: Option<PathBuf>,
    /// Steps to forecast, in the output of --json
    #[arg(short = 'H', long, value_name = "N", value_parser = parse_horizon, allow_negative_numbers = true)]
    #[arg(requires = "json")]
    pub(crate) horizon: Option<usize>,
    /// Coverage of the intervals in percent, separated by commas
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', default_value = "80,95", value_parser = parse_level)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) level: Vec<f64>,
    /// Write every row's fitted value and residual here: .csv, .tsv, .json, .ndjson or .parquet by its ending
    #[arg(long, value_name = "FILE")]
    pub(crate) residuals: Option<PathBuf>,
    /// Write the values here with the missing ones filled in: their median given all others, lo-95, hi-95, is_filled
    #[arg(long, value_name = "FILE")]
    pub(crate) fill: Option<PathBuf>,
    /// Write the models here, for foretoken forecast --load
    #[arg(long, value_name = "MODEL")]
    pub(crate) save: Option<PathBuf>,
    /// Write what every epoch of a network's training brought here: .csv, .tsv, .json, .ndjson or .parquet by its
    /// ending
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Draw the losses of a network's training by epoch: .svg or .png by its ending
    #[arg(long, value_name = "FILE")]
    pub(crate) loss_chart: Option<PathBuf>,
    /// Print one JSON object per series on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_level(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(level) if level > 0.0 && level < 100.0 => Ok(level),
        _ => Err("expected a percentage above 0 and below 100, like 95".to_owned()),
    }
}

/// Where results go.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputArgs {
    /// Write the table here: .csv, .tsv, .json, .ndjson or .parquet by its ending; - for CSV on standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Draw a chart: .svg or .png by its ending
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Print one JSON object per series on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DetectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Learn from the first N rows of every series; they get no alarms [default: two halves judge each other]
    #[arg(long, value_name = "N", value_parser = parse_rows, conflicts_with = "train_until")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) train_rows: Option<usize>,
    /// Learn from the rows up to and including this time
    #[arg(long, value_name = "TIME")]
    pub(crate) train_until: Option<String>,
    /// Share of normal rows that may raise an alarm
    #[arg(long, value_name = "RATE", default_value = "0.001", value_parser = parse_rate)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) false_alarm_rate: f64,
    /// Model of normal behaviour
    #[arg(long, value_parser = OfOneSeries, default_value = "ar")]
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    /// Judge by the models of this file, without a fit; the rows may follow the saved ones. Training rows then check the
    /// false-alarm rate [default: all rows are judged, at the rate of the model itself]
    #[arg(long, value_name = "MODEL", conflicts_with = "model")]
    pub(crate) load: Option<PathBuf>,
    /// Exit with code 10 when an anomaly is found
    #[arg(long)]
    pub(crate) fail_on_anomaly: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate < 1.0 => Ok(rate),
        _ => Err("expected a rate above 0 and below 1, like 0.001".to_owned()),
    }
}

/// How a value is chosen from its conditional distribution.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Decoding")]
pub(crate) struct DecodeArgs {
    /// How every value is chosen
    #[arg(long, value_enum)]
    pub(crate) decode: Option<DecodeName>,
    /// Draw from p^(1/T), renormalised: below 1 sharper, above 1 flatter [default: 1]
    #[arg(long, value_name = "T", value_parser = parse_temperature, allow_negative_numbers = true)]
    pub(crate) temperature: Option<f64>,
    /// Draw among the K most probable tokens, or the K densest of 256 equally likely cells [default: 50]
    #[arg(long, value_name = "K", value_parser = parse_count, allow_negative_numbers = true)]
    pub(crate) top_k: Option<usize>,
    /// Mass that nucleus and typical sampling keep [default: 0.9]
    #[arg(long, value_name = "MASS", value_parser = parse_mass, allow_negative_numbers = true)]
    pub(crate) top_p: Option<f64>,
    /// Paths that beam search keeps [default: 16]
    #[arg(long, value_name = "WIDTH", value_parser = parse_count, allow_negative_numbers = true)]
    pub(crate) beam_width: Option<usize>,
    /// Draw paths in mirrored pairs, whose errors cancel in averages
    #[arg(long)]
    pub(crate) antithetic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DecodeName {
    /// A draw: paths from the model's joint distribution
    #[default]
    Sample,
    /// The mode
    Greedy,
    Mean,
    Median,
    /// A draw among the most probable tokens or densest cells
    TopK,
    /// A draw from the region of highest density with a given mass
    Nucleus,
    /// A draw among values about as surprising as the entropy
    Typical,
    /// Beam search for the likeliest path
    Beam,
    /// The likeliest of --paths draws
    BestOf,
}

impl DecodeName {
    /// Whether there is one path, whatever is asked for.
    pub(crate) fn has_one_path(self) -> bool {
        !matches!(self, Self::Sample | Self::TopK | Self::Nucleus | Self::Typical)
    }
}

fn parse_temperature(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(temperature) if temperature > 0.0 && temperature.is_finite() => Ok(temperature),
        _ => Err("expected a number above 0, like 0.7".to_owned()),
    }
}

fn parse_mass(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(mass) if mass > 0.0 && mass <= 1.0 => Ok(mass),
        _ => Err("expected a mass above 0 and at most 1, like 0.9".to_owned()),
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=65_536).contains(&count) => Ok(count),
        _ => Err("expected a whole number from 1 to 65536".to_owned()),
    }
}

/// A rule that ends a path: a threshold of its values, or a symbol.
#[derive(Debug, Clone)]
pub(crate) struct Until {
    pub(crate) stop: Stop,
    pub(crate) symbol: Option<String>,
}

/// `value>X`, `value<X` or `symbol=NAME`.
fn parse_until(text: &str) -> Result<Until, String> {
    if let Some(name) = text.strip_prefix("symbol=") {
        return Ok(Until { stop: Stop::Never, symbol: Some(name.to_owned()) });
    }
    let refused = || "expected value>X, value<X or (of symbols) symbol=NAME, like 'value>500'".to_owned();
    let text = text.trim().strip_prefix("value").ok_or_else(refused)?.trim_start();
    let number = |rest: &str| rest.trim_start_matches('=').trim().parse::<f64>().ok().filter(|x| x.is_finite());
    let stop = match (text.strip_prefix('>'), text.strip_prefix('<')) {
        (Some(rest), _) => number(rest).map(Stop::Above),
        (_, Some(rest)) => number(rest).map(Stop::Below),
        _ => None,
    };
    stop.map(|stop| Until { stop, symbol: None }).ok_or_else(refused)
}

/// What the symbols of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SymbolsArg {
    /// Every character
    Characters,
    /// Words between white space, such as notes
    Words,
    /// Pixels of plain PBM or PGM images, row by row
    Raster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixModeArg {
    /// Every other step is drawn given the fixed values
    Condition,
    /// Only later steps know of a fixed value
    Intervene,
}

impl FixModeArg {
    pub(crate) fn mode(self) -> FixMode {
        match self {
            Self::Condition => FixMode::Condition,
            Self::Intervene => FixMode::Intervene,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct GenerateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Table of the covariates' values ahead, with the columns of ids, times and covariates [default: rows of FILE
    /// without value at its end]
    #[arg(long, value_name = "FILE", requires = "covariates")]
    pub(crate) future: Option<PathBuf>,
    /// Most steps of a path
    #[arg(short = 'H', long, value_name = "N", value_parser = parse_horizon, allow_negative_numbers = true)]
    pub(crate) horizon: usize,
    /// How many paths per series; with --decode best-of how many the likeliest is taken from [default: 1; 16 with best-of]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    #[arg(allow_negative_numbers = true)]
    pub(crate) paths: Option<u32>,
    /// Model
    #[arg(long, value_parser = OfOneSeries, default_value = "ar")]
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    /// Seed of what is drawn
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// End a path once its value crosses a threshold: value>X or value<X; of symbols at one: symbol=NAME
    #[arg(long, value_name = "RULE", value_parser = parse_until)]
    pub(crate) until: Option<Until>,
    /// Table of values that are fixed at some of the steps ahead
    #[arg(long, value_name = "FILE")]
    pub(crate) fix: Option<PathBuf>,
    /// What fixed values change [default: condition]
    #[arg(long, value_enum, requires = "fix")]
    pub(crate) fix_mode: Option<FixModeArg>,
    /// Read FILE as symbols, and write more of the same by a Markov chain over them
    #[arg(long, value_enum)]
    pub(crate) symbols: Option<SymbolsArg>,
    /// Generate with the models of this file, without a fit
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["file", "model", "period", "covariates"])]
    pub(crate) load: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ScoreArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Rows at the end of every series that are held out and scored
    #[arg(long, value_name = "N", value_parser = parse_rows, allow_negative_numbers = true)]
    pub(crate) test_rows: usize,
    /// Model
    #[arg(long, value_parser = OfOneSeries, default_value = "ar")]
    pub(crate) model: ModelName,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    /// Score with the models of this file, without a fit
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["model", "period"])]
    pub(crate) load: Option<PathBuf>,
    /// Model every value given those that follow it: the other order of the same joint distribution. The last rows, which have
    /// nothing after them, are the context of the others
    #[arg(long, conflicts_with = "load")]
    pub(crate) reverse: bool,
    /// Write every held-out row with its score here: .csv, .tsv, .json, .ndjson or .parquet by its ending
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Also measure errors of 1 to H steps ahead, given the true past and given the model's own
    #[arg(long, value_name = "H", value_parser = parse_horizon, conflicts_with = "reverse", allow_negative_numbers = true)]
    pub(crate) exposure: Option<usize>,
    /// Paths from every row that --exposure forecasts from
    #[arg(long, value_name = "N", default_value_t = 200, requires = "exposure", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) paths: u32,
    /// Seed of what --exposure draws
    #[arg(long, default_value_t = 0, requires = "exposure")]
    pub(crate) seed: u64,
    /// Draw the errors of --exposure by horizon: .svg or .png by its ending
    #[arg(long, value_name = "FILE", requires = "exposure")]
    pub(crate) plot: Option<PathBuf>,
    /// Print one JSON object per series on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(mut_arg("covariates", |covariates| covariates.hide(true)), mut_arg("period", |period| period.hide(true)))]
pub(crate) struct TokenizeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The token file; - writes to standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Bins [default: n^(1/3)]
    #[arg(long, value_name = "B", value_parser = parse_bins, allow_negative_numbers = true)]
    pub(crate) bins: Option<usize>,
    /// Where the edges of the bins lie [default: quantile]
    #[arg(long, value_enum)]
    pub(crate) quantiser: Option<QuantiserArg>,
    /// Merge tokens that stand side by side often, so many times [default with --vocabulary: as many as bins]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    pub(crate) merges: Option<usize>,
    /// How the merged vocabulary is learned [default with --merges: merges]
    #[arg(long, value_enum)]
    pub(crate) vocabulary: Option<VocabularyArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VocabularyArg {
    /// Byte-pair merges, the most frequent pair first
    Merges,
    /// Pieces with probabilities, by maximum likelihood
    Unigram,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DetokenizeArgs {
    /// Token file; - reads standard input
    pub(crate) file: PathBuf,
    /// Write the table here: .csv, .tsv, .json, .ndjson or .parquet by its ending; - for CSV on standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// What can be inspected: models with coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectModel {
    /// Autoregression with automatic preprocessing
    Ar,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Model that is fitted and checked
    #[arg(long, value_enum, default_value_t = InspectModel::Ar)]
    pub(crate) model: InspectModel,
    #[command(flatten)]
    pub(crate) fit: ModelArgs,
    /// Draw autocorrelations and residuals: .svg or .png by its ending
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Say what this model file holds
    #[arg(long, value_name = "MODEL")]
    #[arg(conflicts_with_all = ["file", "model", "plot", "report", "id", "time", "value", "covariates", "freq", "missing", "period"])]
    pub(crate) load: Option<PathBuf>,
    /// Draw with what weights the heads of a saved transformer attend to its past: .svg or .png by its ending
    #[arg(long, value_name = "FILE", requires = "load")]
    pub(crate) attention: Option<PathBuf>,
    /// Write a residual check: one HTML page with summary, tests and charts
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Print one JSON object per series on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(mut_arg("covariates", |covariates| covariates.hide(true)))]
pub(crate) struct PlotArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The chart: .svg or .png by its ending
    #[arg(short = 'o', long, alias = "plot", value_name = "FILE", default_value = "series.svg")]
    pub(crate) output: PathBuf,
}
