//! The density and its pieces, the encoder, and a source that is recovered.

use super::*;
use crate::data::batch::Rows;
use crate::data::series::Series;
use crate::math::random::LaneRng;
use crate::model::token::markov::MarkovOrder;
use crate::model::transformed::{Differences, Seasonal, Transform, Transformed};
use crate::model::{Fit, Fitted, Session};
use crate::predictive::{Link, OuterMap, Predictive};

const P: usize = 4;
const PATCHES: [[f64; P]; 3] = [[1.0, 3.0, 2.0, 0.0], [-2.0, -1.0, -3.0, -2.0], [4.0, 0.0, -2.0, 3.0]];
const NEXT: [[f64; 3]; 3] = [[0.1, 0.7, 0.2], [0.2, 0.1, 0.7], [0.8, 0.1, 0.1]];
const NOISE: f64 = 0.4;

/// The patches of a Markov source of three codes, with noise.
fn source(patches: usize, seed: u64) -> Vec<f64> {
    let mut rng = LaneRng::new(seed, 0);
    let mut code = 0;
    let mut values = Vec::new();
    for _ in 0..patches {
        let u = rng.uniform();
        code = if u < NEXT[code][0] { 0 } else { 1 + usize::from(u >= NEXT[code][0] + NEXT[code][1]) };
        values.extend(PATCHES[code].iter().map(|c| 10.0 + 5.0 * (c + NOISE * rng.normal())));
    }
    values
}

fn spec() -> CodebookSpec {
    CodebookSpec { patch: Some(P), codes: Some(3), order: MarkovOrder::Fixed(1), ..CodebookSpec::default() }
}

fn fit(spec: CodebookSpec, values: &[f64]) -> Fitted<Codebook> {
    spec.fit(&[Series::new("", values.to_vec())]).expect("a fit")
}

fn conditionals(model: &dyn Autoregressive, context: &[f64], target: &[f64], start: i64) -> Predictive {
    let (context, end) = (Batch::single(context, start), start + context.len() as i64);
    model.conditionals(&context, &Batch::single(target, end), &Covariates::none()).expect("conditionals")
}

fn log_probs(model: &dyn Autoregressive, context: &[f64], target: &[f64], start: i64) -> Vec<f64> {
    let (context, target) = (Batch::single(context, start), Batch::single(target, start + context.len() as i64));
    let rows = model.conditionals(&context, &target, &Covariates::none()).expect("conditionals");
    let score = |(row, x): (usize, &f64)| if rows.is_defined(row) { rows.row(row).log_prob(*x) } else { f64::NAN };
    target.values().iter().enumerate().map(score).collect()
}

fn next(model: &Codebook, session: &mut dyn Session<'_>) -> Predictive {
    let mut rows = Predictive::new(model.family(), session.lanes());
    session.conditional(Rows::none(), &mut rows);
    rows
}

fn assert_same(a: &Predictive, i: usize, b: &Predictive, j: usize) {
    assert_eq!(a.is_defined(i), b.is_defined(j));
    let (x, y) = (a.row(i), b.row(j));
    let numbers =
        |row: &crate::predictive::Distribution<'_>| [row.parameters(), &[row.map().shift, row.map().factor]].concat();
    for (x, y) in numbers(&x).iter().zip(numbers(&y)) {
        assert!((x - y).abs() <= 1e-12 * x.abs().max(1.0), "{x} against {y}");
    }
}

/// ln p of the known values of one patch from their definition: the sum over codes of the product over values.
fn log_density(model: &Codebook, past: &[u32], patch: &[f64], (location, scale): (f64, f64)) -> f64 {
    let mut masses = vec![0.0; model.encoder.codes()];
    model.chain.masses(past, &mut masses);
    let of_code = |k: usize| {
        let values = patch.iter().zip(model.encoder.centroid(k as u32)).zip(model.scales(k as u32));
        let known = values.filter(|((x, _), _)| !x.is_nan());
        let densities = known.map(|((x, c), s)| {
            let e = ((x - location) / scale - c) / s;
            (-0.5 * e * e).exp() / (s * scale * std::f64::consts::TAU.sqrt())
        });
        masses[k] * densities.product::<f64>()
    };
    (0..masses.len()).map(of_code).sum::<f64>().ln()
}

#[test]
fn conditionals_are_ratios_of_joint_densities() {
    let x = source(60, 1);
    let model = fit(spec(), &x).model;
    let standard = (model.encoder.training.shift, model.encoder.training.factor);
    let codes = model.encoder.encode(&x, 0);
    for (t, score) in log_probs(&model, &[], &x, 0).into_iter().enumerate() {
        let (first, at) = (t - t % P, t % P);
        let past: Vec<u32> = codes.codes[..t / P].iter().map(|code| code.expect("a code")).collect();
        let joint = |values: usize| log_density(&model, &past, &x[first..first + values], standard);
        let expected = joint(at + 1) - if at == 0 { 0.0 } else { joint(at) };
        assert!((score - expected).abs() < 1e-9, "value {t}: {score} against {expected}");
    }
}

#[test]
fn a_missing_value_is_integrated_out_of_its_patch_and_undefines_the_next() {
    let x = source(60, 1);
    let model = fit(CodebookSpec { order: MarkovOrder::Fixed(2), ..spec() }, &x).model;
    let standard = (model.encoder.training.shift, model.encoder.training.factor);
    let mut gapped = x[..40].to_vec();
    (gapped[17], gapped[28], gapped[29], gapped[30], gapped[31]) = (f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN);
    let rows = conditionals(&model, &[], &gapped, 0);
    let codes: Vec<Option<u32>> = model.encoder.encode(&gapped, 0).codes;
    let past: Vec<u32> = codes[..4].iter().flatten().copied().collect();
    let expected = log_density(&model, &past, &gapped[16..20], standard);
    let own: f64 = [16, 18, 19].iter().map(|&t| rows.row(t).log_prob(gapped[t])).sum();
    assert!((own - expected).abs() < 1e-9, "{own} against {expected}");
    // The patches at 20 and 24 follow the first gap, that at 32 and the next one the whole patch that is missing.
    let undefined: Vec<usize> = (0..40).filter(|&t| !rows.is_defined(t)).collect();
    assert_eq!(undefined, (20..28).chain(32..40).collect::<Vec<_>>());
    assert_eq!((codes[4].is_some(), codes[7]), (true, None));
    // What follows a patch without a code is what follows nothing.
    assert_same(
        &rows,
        32,
        &{
            let mut rows = conditionals(&model, &[], &x, 0);
            rows.set_undefined(0);
            rows
        },
        0,
    );
}

#[test]
fn a_density_integrates_to_one_and_a_patch_does_too() {
    let x = source(60, 2);
    let model = fit(CodebookSpec { patch: Some(2), codes: Some(4), ..spec() }, &x).model;
    let integral =
        |density: &dyn Fn(f64) -> f64| (0..1200).map(|i| 0.1 * density(-50.0 + 0.1 * f64::from(i))).sum::<f64>();
    let first = integral(&|a| {
        let rows = conditionals(&model, &x[..20], &[a, 0.0], 0);
        rows.row(0).log_prob(a).exp()
    });
    assert!((first - 1.0).abs() < 1e-9, "{first}");
    let mut session = model.begin(&Batch::single(&x[..20], 0), &Covariates::none()).expect("a session");
    session.observe(&[9.0]);
    let rows = next(&model, &mut *session);
    let second = integral(&|b| rows.row(0).log_prob(b).exp());
    assert!((second - 1.0).abs() < 1e-9, "{second}");
}

#[test]
fn patches_are_anchored_at_the_index_and_not_at_the_start_of_a_context() {
    let x = source(60, 3);
    let model = fit(CodebookSpec { order: MarkovOrder::Fixed(2), ..spec() }, &x).model;
    let memory = model.forgets_after().expect("a finite memory");
    assert_eq!(memory, 11);
    let whole = conditionals(&model, &[], &x, 0);
    for from in 0..9 {
        // Whatever part of the past is at hand, once it holds the patches that count.
        let part = conditionals(&model, &[], &x[from..50], from as i64);
        (memory..part.rows()).for_each(|row| assert_same(&part, row, &whole, from + row));
        // A whole patch later or earlier is the same, half a patch later is not.
        let later = conditionals(&model, &[], &x[from..50], from as i64 + 3 * P as i64);
        let own = conditionals(&model, &[], &x[from..50], from as i64 - 5 * P as i64);
        (0..later.rows()).for_each(|row| assert_same(&later, row, &own, row));
        let shifted = conditionals(&model, &[], &x[from..50], from as i64 + 2);
        assert!((0..6).any(|row| shifted.row(row).parameters() != own.row(row).parameters()));
    }
}

#[test]
fn the_last_patch_that_counts_is_the_last_of_the_memory() {
    // With weights and all: the law compares components alone.
    let x = source(60, 4);
    let model = fit(CodebookSpec { order: MarkovOrder::Fixed(2), ..spec() }, &x).model;
    let whole = conditionals(&model, &[], &x, 0);
    let mut changed = x.clone();
    // Another code at the fifth patch, by its first value alone or by all.
    changed[16..20].iter_mut().zip(PATCHES[2]).for_each(|(x, c)| *x = 10.0 + 5.0 * c);
    assert_ne!(model.encoder.encode(&x, 0).codes[4], Some(2));
    let other = conditionals(&model, &[], &changed, 0);
    let differs = |row: usize| whole.row(row).parameters() != other.row(row).parameters();
    let rows: Vec<usize> = (0..60).filter(|row| differs(*row)).collect();
    assert_eq!((rows[0], rows[rows.len() - 1]), (17, 16 + 11));
}

#[test]
fn location_and_scale_are_those_of_the_context() {
    let x = source(60, 5);
    let model = fit(spec(), &x).model;
    assert_eq!(model.memory(), None);
    let scaled: Vec<f64> = x.iter().map(|x| 3.0 * x - 100.0).collect();
    // The context brings its own units, and the densities follow them.
    let (own, other) = (log_probs(&model, &x[..30], &x[30..], 0), log_probs(&model, &scaled[..30], &scaled[30..], 0));
    assert!(own.iter().zip(&other).all(|(a, b)| (a - 3.0_f64.ln() - b).abs() < 1e-9));
    // Seven values and equal values have no units of their own.
    for context in [x[..7].to_vec(), vec![3.0; 20]] {
        let rows = conditionals(&model, &context, &[5.0], 0);
        assert_eq!(rows.row(0).map().shift, model.encoder.training.shift);
    }
}

#[test]
fn what_was_observed_becomes_the_context() {
    let x = source(60, 6);
    let model = fit(CodebookSpec { order: MarkovOrder::Fixed(2), ..spec() }, &x).model;
    let mut gapped = x.clone();
    gapped[31] = f64::NAN;
    for values in [&x[..39], &gapped[..39], &gapped[..44], &x[..9]] {
        let mut session = model.begin(&Batch::single(&values[..5], 3), &Covariates::none()).expect("a session");
        values[5..].iter().for_each(|x| session.observe(&[*x]));
        session.end_context();
        let mut read = model.begin(&Batch::single(values, 3), &Covariates::none()).expect("a session");
        for x in [12.0, 3.0, f64::NAN, 7.0, 9.0] {
            assert_same(&next(&model, &mut *session), 0, &next(&model, &mut *read), 0);
            session.observe(&[x]);
            read.observe(&[x]);
        }
    }
}

#[test]
fn a_lane_that_starts_within_a_patch_is_coded_by_what_it_has() {
    let x = source(60, 7);
    let model = fit(spec(), &x).model;
    let standard = (model.encoder.training.shift, model.encoder.training.factor);
    let rows = conditionals(&model, &[], &x[2..12], 2);
    assert!((0..10).all(|row| rows.is_defined(row)));
    let head = [f64::NAN, f64::NAN, x[2], x[3]];
    let own: f64 = (0..2).map(|row| rows.row(row).log_prob(x[row + 2])).sum();
    assert!((own - log_density(&model, &[], &head, standard)).abs() < 1e-9);
    let code = model.encoder.encode(&x[2..4], 2).codes[0].expect("a code");
    let own: f64 = (2..6).map(|row| rows.row(row).log_prob(x[row + 2])).sum();
    assert!((own - log_density(&model, &[code], &x[4..8], standard)).abs() < 1e-9);
    // What is missing before the first known value is not part of the lane.
    let late = conditionals(&model, &[], &[vec![f64::NAN; 5], x[5..20].to_vec()].concat(), 0);
    let plain = conditionals(&model, &[], &x[5..20], 5);
    (0..15).for_each(|row| assert_same(&late, row + 5, &plain, row));
}

#[test]
fn a_value_that_no_code_thinks_possible_leaves_a_usable_row() {
    let x = source(60, 8);
    let model = fit(spec(), &x).model;
    let mut session = model.begin(&Batch::single(&x[..20], 0), &Covariates::none()).expect("a session");
    for value in [1e300, -1e300, 1e9, 5.0, 1e308] {
        session.observe(&[value]);
        let rows = next(&model, &mut *session);
        assert!(rows.row(0).mean().is_finite() && rows.row(0).std_dev() > 0.0, "{rows:?}");
    }
}

#[test]
fn a_markov_source_of_noisy_patches_is_learned() {
    let train = source(600, 9);
    let held_out = source(400, 10);
    let fitted = fit(CodebookSpec { order: MarkovOrder::Auto { max: 2 }, ..spec() }, &train);
    assert_eq!(fitted.model.chain.order(), 1);
    // The source itself: as a codebook of the truth.
    let mut truth = fitted.model.clone();
    truth.encoder.training = OuterMap { shift: 10.0, factor: 5.0, ..OuterMap::IDENTITY };
    let mut order: Vec<[f64; P]> = PATCHES.to_vec();
    order.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    truth.encoder.centroids = order.concat();
    truth.scales = vec![NOISE; 3 * P];
    let nats = |model: &Codebook| log_probs(model, &[], &held_out, 0).iter().sum::<f64>() / held_out.len() as f64;
    let entropy_rate = source_nats(&held_out);
    assert!((nats(&fitted.model) - entropy_rate).abs() < 0.05, "{} against {entropy_rate}", nats(&fitted.model));
    assert!((nats(&truth) - entropy_rate).abs() < 0.02);
    for (own, true_centroid) in fitted.model.encoder.centroids.iter().zip(order.concat()) {
        assert!((fitted.model.encoder.training.forward(*own) - (10.0 + 5.0 * true_centroid)).abs() < 0.6);
    }
}

/// The mean log density of values under the source: the forward recursion of its chain.
fn source_nats(values: &[f64]) -> f64 {
    let density = |patch: &[f64], k: usize| {
        let e = |(x, c): (&f64, &f64)| ((x - 10.0) / 5.0 - c) / NOISE;
        let of = |pair| (-0.5 * e(pair).powi(2)).exp() / (5.0 * NOISE * std::f64::consts::TAU.sqrt());
        patch.iter().zip(&PATCHES[k]).map(of).product::<f64>()
    };
    let (mut past, mut sum) = ([1.0, 0.0, 0.0], 0.0);
    for patch in values.chunks_exact(P) {
        let of = |k: usize| (0..3).map(|j| past[j] * NEXT[j][k]).sum::<f64>() * density(patch, k);
        let joint = [of(0), of(1), of(2)];
        let total: f64 = joint.iter().sum();
        sum += total.ln();
        past = joint.map(|own| own / total);
    }
    sum / values.len() as f64
}

#[test]
fn the_reported_likelihood_is_the_score_from_an_empty_context() {
    let mut x = source(60, 11);
    (x[0], x[50]) = (f64::NAN, f64::NAN);
    let fitted = fit(spec(), &x);
    let scores = log_probs(&fitted.model, &[], &x, 0);
    let defined: Vec<f64> = scores.into_iter().filter(|score| !score.is_nan()).collect();
    // One patch behind the gap, and the two missing values.
    assert_eq!((fitted.summary.observations, defined.len()), (240 - P - 2, 240 - P - 2));
    assert!((fitted.summary.log_likelihood - defined.iter().sum::<f64>()).abs() < 1e-9);
    // Nor does the chain count the two patches with a gap.
    let counted = fitted.model.chain.contexts()[0].1.counts().iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(counted, 58);
}

#[test]
fn a_stand_in_says_nothing_of_the_scale() {
    let x = source(60, 20);
    let model = fit(spec(), &x).model;
    let mut session = model.begin(&Batch::single(&x[..20], 0), &Covariates::none()).expect("a session");
    session.set_undefined(0);
    session.observe(&[1e6]);
    session.end_context();
    let plain = conditionals(&model, &x[..20], &[5.0], 0);
    assert_eq!(next(&model, &mut *session).row(0).map(), plain.row(0).map());
}

#[test]
fn fits_are_repeatable_and_follow_units() {
    let x = source(80, 12);
    let spec = CodebookSpec { codes: Some(6), seed: 5, ..spec() };
    let fitted = fit(spec, &x);
    assert_eq!(fitted.model, fit(spec, &x).model);
    let scaled: Vec<f64> = x.iter().map(|x| 0.3 * x + 7.0).collect();
    let other = fit(spec, &scaled).summary.log_likelihood;
    assert!((fitted.summary.log_likelihood - 320.0 * 0.3_f64.ln() - other).abs() < 1e-6);
}

#[test]
fn no_scale_is_below_what_the_values_tell_apart() {
    // Whole numbers that repeat exactly: without a bound the likelihood would be infinite.
    let x: Vec<f64> = (0..80).map(|t| f64::from([0, 3, 1, 2, 5, 3, 1, 4][t % 8])).collect();
    let fitted = fit(CodebookSpec { codes: Some(2), ..spec() }, &x);
    let least = 1.0 / 12.0_f64.sqrt() / fitted.model.encoder.training.factor;
    assert!(fitted.model.scales.iter().all(|scale| (scale / least - 1.0).abs() < 1e-9), "{:?}", fitted.model.scales);
}

#[test]
fn small_clusters_take_the_common_scale() {
    let mut x = source(60, 13);
    x[100..104].copy_from_slice(&[200.0, 210.0, 190.0, 220.0]);
    let fitted = fit(CodebookSpec { codes: Some(4), ..spec() }, &x);
    let encoder = &fitted.model.encoder;
    let alone = encoder.encode(&x, 0).codes[25].expect("a code");
    assert_eq!(encoder.encode(&x, 0).codes.iter().filter(|code| **code == Some(alone)).count(), 1);
    // a v / (1 - 1 + a): the variance within all clusters.
    let common: Vec<f64> = (0..P)
        .map(|j| {
            let patches = encoder.encode(&x, 0).codes.into_iter().enumerate();
            let error = |(i, code): (usize, Option<u32>)| {
                let z = (x[i * P + j] - encoder.training.shift) / encoder.training.factor;
                (z - encoder.centroid(code.expect("a code"))[j]).powi(2)
            };
            (patches.map(error).sum::<f64>() / (60.0 - 4.0)).sqrt()
        })
        .collect();
    let own = fitted.model.scales(alone);
    assert!(own.iter().zip(&common).all(|(own, common)| (own / common - 1.0).abs() < 1e-6), "{own:?}, {common:?}");
}

#[test]
fn codes_decode_to_their_centroids() {
    let x = source(60, 14);
    let model = fit(spec(), &x).model;
    let encoder = model.encoder();
    let mut part = x[6..33].to_vec();
    (part[4], part[10], part[11], part[12], part[13]) = (f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN);
    let codes = encoder.encode(&part, 6);
    assert_eq!((codes.phase, codes.length, codes.codes.len()), (2, 27, 8));
    let decoded = encoder.decode(&codes).expect("values");
    assert_eq!(decoded.len(), 27);
    // The index 16 begins a patch of which nothing is known; the missing value at 10 is filled in.
    let unknown: Vec<usize> = (0..27).filter(|&t| decoded[t].is_nan()).collect();
    assert_eq!(unknown, [10, 11, 12, 13]);
    for (t, (own, x)) in decoded.iter().zip(&x[6..33]).enumerate().filter(|(_, (own, _))| !own.is_nan()) {
        assert!((own - x).abs() < 5.0 * 4.0 * NOISE, "value {t}: {own}, not {x}");
    }
    // Codes of decoded values are the codes.
    let again = Codes { location: codes.location, scale: codes.scale, ..encoder.encode(&decoded, 6) };
    assert_eq!(again.codes, codes.codes);
}

#[test]
fn fidelity_counts_errors_and_bits() {
    let x = source(100, 15);
    let model = fit(spec(), &x).model;
    let fidelity = model.encoder().fidelity(&x, 0).expect("a fidelity");
    assert!((fidelity.root_mean_square / (5.0 * NOISE) - 1.0).abs() < 0.1, "{fidelity:?}");
    assert!(fidelity.explained > 0.95 && (fidelity.bits_per_value - 3.0_f64.log2() / 4.0).abs() < 1e-12);
    // The chain knows more than that all codes are alike.
    let codes = model.encoder().encode(&x, 0);
    assert!(model.bits(&codes) < 0.9 * 100.0 * 3.0_f64.log2(), "{}", model.bits(&codes));
    assert!(model.encoder().fidelity(&[f64::NAN], 0).is_err());
}

#[test]
fn foreign_codes_are_refused() {
    let model = fit(spec(), &source(60, 16)).model;
    let codes = model.encoder().encode(&[1.0; 9], 1);
    let wrong = [
        Codes { codes: vec![Some(3); 3], ..codes.clone() },
        Codes { phase: 4, ..codes.clone() },
        Codes { length: 20, ..codes.clone() },
        Codes { length: usize::MAX, ..codes },
    ];
    assert!(wrong.iter().all(|codes| model.encoder().decode(codes).is_err()));
}

#[test]
fn what_cannot_be_fitted_says_so() {
    let error = |spec: CodebookSpec, x: Vec<f64>| spec.fit(&[Series::new("", x)]).expect_err("no fit").to_string();
    assert!(error(spec(), vec![2.0; 80]).contains("no variation"));
    assert!(error(spec(), source(4, 1)).contains("too few to fit a codebook"));
    assert!(error(spec(), Vec::new()).contains("too few"));
    assert!(error(CodebookSpec { patch: Some(0), ..spec() }, source(60, 1)).contains("patches of 0"));
    assert!(error(CodebookSpec { codes: Some(0), ..spec() }, source(60, 1)).contains("0 codes"));
    let few = fit(
        CodebookSpec { codes: Some(9), ..spec() },
        &[[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]].concat().repeat(8),
    );
    assert!(few.summary.warnings[0].starts_with("2 codes instead of 9"), "{:?}", few.summary.warnings);
}

#[test]
fn series_of_different_levels_share_a_codebook() {
    let (low, high) = (source(60, 17), source(60, 18));
    let high: Vec<f64> = high.iter().map(|x| 1000.0 + 20.0 * x).collect();
    let train = [Series::new("low", low.clone()), Series::new("high", high.clone())];
    let nats = |train: &[Series]| {
        let model = spec().fit(train).expect("a fit").model;
        log_probs(&model, &low[..120], &low[120..], 0).iter().sum::<f64>() / 120.0
    };
    let (together, alone) = (nats(&train), nats(&train[..1]));
    assert!((together - alone).abs() < 0.1, "{together} against {alone}");
}

#[test]
fn a_codebook_of_differences_is_a_model_of_values() {
    let mut level = 0.0;
    let x: Vec<f64> = source(60, 19)
        .iter()
        .map(|step| {
            level += step - 10.0;
            level
        })
        .collect();
    let transform = Transform::new(Seasonal::None, Link::Identity, Differences::new(1, 0, 1)).expect("a transform");
    let spec = spec();
    let fitted = Transformed::fit(&spec, transform, &[Series::new("", x.clone())]).expect("a fit");
    assert_eq!(fitted.summary.observations, x.len() - 1);
    let differences: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let inner = fit(spec, &differences).summary.log_likelihood;
    assert!((fitted.summary.log_likelihood - inner).abs() < 1e-8);
    assert_eq!(fitted.model.forgets_after(), Some(2 * P));
}
