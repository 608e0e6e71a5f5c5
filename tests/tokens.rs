//! What models of symbols keep, whose values the laws of all models would not be: and what tokens make of a scale.

mod common;

use common::{moments, simulate_ar};
use foretoken::math::random::LaneRng;
use foretoken::model::file::{read_model, write_model};
use foretoken::model::linear::{LinearSpec, Order};
use foretoken::model::token::markov::{Markov, MarkovOrder, MarkovSpec};
use foretoken::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use foretoken::model::token::{Quantised, QuantisedSpec};
use foretoken::predictive::Family;
use foretoken::{Autoregressive, Batch, Covariates, Fit, Predictive, Rows, Series, Session, score};

/// Five symbols, of which each depends on the two before it.
fn symbols(n: usize, lane: u64) -> Vec<f64> {
    let mut rng = LaneRng::new(77, lane);
    let mut x = vec![0_usize, 3];
    while x.len() < n {
        let t = x.len();
        let next = if rng.uniform() < 0.7 { (x[t - 1] + 2 * x[t - 2] + 1) % 5 } else { rng.below(5) };
        x.push(next);
    }
    x.into_iter().map(|symbol| symbol as f64).collect()
}

fn chain(order: usize) -> Markov {
    let train = [Series::new("", symbols(400, 0))];
    MarkovSpec { order: MarkovOrder::Fixed(order), symbols: None }.fit(&train).expect("a fit").model
}

fn next(session: &mut dyn Session<'_>, family: Family) -> Predictive {
    let mut rows = Predictive::new(family, session.lanes());
    session.conditional(Rows::none(), &mut rows);
    rows
}

/// What is said after a context.
fn after(model: &dyn Autoregressive, context: &[f64]) -> Predictive {
    let mut session = model.begin(&Batch::single(context, 0), &Covariates::none()).expect("a session");
    next(&mut *session, model.family())
}

#[test]
fn a_chain_depends_on_its_last_symbols_alone_and_a_file_keeps_it() {
    for order in 0..4 {
        let model = chain(order);
        assert_eq!(model.memory(), Some(order));
        let restored: Markov = read_model(&write_model(&model)).expect("a stored chain");
        assert_eq!(restored, model);
        let lane = symbols(50, 1);
        for length in [0, 1, 2, 3, 20, 50] {
            let row = after(&model, &lane[..length]);
            assert!(row.is_defined(0), "the first symbols have a law");
            assert_eq!(row, after(&model, &lane[length.saturating_sub(order)..length]));
            let mut masses = [0.0; 5];
            let context: Vec<u32> = lane[..length].iter().map(|x| *x as u32).collect();
            model.masses(&context, &mut masses);
            assert_eq!(row.row(0).parameters(), masses);
            assert!((masses.iter().sum::<f64>() - 1.0).abs() < 1e-14 && masses.iter().all(|mass| *mass > 0.0));
        }
    }
    assert_ne!(after(&chain(2), &[0.0, 3.0]), after(&chain(2), &[1.0, 3.0]), "two symbols back count");
}

#[test]
fn lanes_of_a_chain_are_its_lanes_alone_and_forks_continue_them() {
    let model = chain(2);
    let lanes = [symbols(30, 2), symbols(1, 3), symbols(12, 4)];
    let slices: Vec<&[f64]> = lanes.iter().map(Vec::as_slice).collect();
    let mut session = model.begin(&Batch::lanes_of(&slices, &[0, 4, 9]), &Covariates::none()).expect("a session");
    let together = next(&mut *session, model.family());
    for (lane, values) in lanes.iter().enumerate() {
        assert_eq!(together.gather(&[lane]), after(&model, values), "lane {lane}");
    }
    session.observe(&[2.0, f64::NAN, 0.0]);
    let parents = [1, 0, 0, 2];
    let mut child = session.fork(&parents);
    child.observe(&[4.0, 3.0, 1.0, 4.0]);
    let rows = next(&mut *child, model.family());
    for (i, (parent, last)) in parents.into_iter().zip([4.0, 3.0, 1.0, 4.0]).enumerate() {
        let own = [&lanes[parent][..], &[[2.0, f64::NAN, 0.0][parent], last]].concat();
        assert_eq!(rows.gather(&[i]), after(&model, &own), "child {i}");
    }
    let parent = next(&mut *session, model.family());
    assert_eq!(parent.gather(&[0]), after(&model, &[&lanes[0][..], &[2.0]].concat()), "a child moves no parent");
}

#[test]
fn a_missing_symbol_and_what_is_none_begin_a_new_context() {
    let model = chain(2);
    for gap in [f64::NAN, 7.0, 0.5] {
        let mut session = model.begin(&Batch::single(&symbols(20, 5), 0), &Covariates::none()).expect("a session");
        session.observe(&[gap]);
        let fresh: [&[f64]; 4] = [&[], &[3.0], &[3.0, 1.0], &[3.0, 1.0, 4.0]];
        for (known, fresh) in fresh.into_iter().enumerate() {
            let (row, expected) = (next(&mut *session, model.family()), after(&model, fresh));
            assert_eq!(row.row(0).parameters(), expected.row(0).parameters());
            assert_eq!(row.is_defined(0), known >= 2, "{known} symbols after {gap}");
            session.observe(&[[3.0, 1.0, 4.0, 0.0][known]]);
        }
    }
}

fn quantised(values: &[f64], kind: QuantiserKind, bins: Option<usize>, order: usize) -> Quantised<Markov> {
    let markov = MarkovSpec { order: MarkovOrder::Fixed(order), symbols: None };
    let spec = QuantisedSpec { quantiser: QuantiserSpec { kind, bins }, markov };
    spec.fit(&[Series::new("", values.to_vec())]).expect("a fit").model
}

#[test]
fn a_context_on_another_scale_has_the_same_tokens() {
    let x = simulate_ar(&[0.8], 0.0, 1.0, 600, (5, 0));
    let model = quantised(&x, QuantiserKind::Quantile, Some(12), 1);
    let (context, target) = (&x[..300], &x[300..]);
    let score = |change: &dyn Fn(f64) -> f64| {
        let changed = |x: &[f64]| x.iter().map(|x| change(*x)).collect::<Vec<f64>>();
        let (context, target) = (Batch::single(&changed(context), 0), Batch::single(&changed(target), 300));
        score::log_likelihood(&model, &context, &target, &Covariates::none()).expect("a score").0
    };
    let (own, other) = (score(&|x| x), score(&|x| 500.0 + 1e3 * x));
    let expected = own - 300.0 * 1e3_f64.ln();
    assert!((other - expected).abs() < 1e-6, "{other}, not {expected}");
}

#[test]
fn the_scale_of_tokens_is_that_of_the_known_values() {
    let x = simulate_ar(&[0.8], 0.0, 1.0, 200, (5, 3));
    let model = quantised(&x, QuantiserKind::Uniform, Some(12), 1);
    let (mean, variance) = moments(&x[..50]);
    let mut gapped = x[..50].to_vec();
    gapped.splice(20..20, [f64::NAN; 3]);
    let map = after(&model, &gapped).row(0).map();
    assert!((map.shift - mean).abs() < 1e-12 && (map.factor - variance.sqrt()).abs() < 1e-12, "{map:?}");
    let short = after(&model, &x[..7]).row(0).map();
    assert_eq!(short, model.quantiser().training_map());
}

#[test]
fn what_was_observed_around_gaps_becomes_a_context_of_its_own_scale() {
    let x = simulate_ar(&[0.8], 0.0, 1.0, 400, (5, 1));
    let model = quantised(&x, QuantiserKind::KMeans, Some(10), 2);
    for missing in [&[][..], &[0], &[28, 29], &[25, 27], &[20, 26, 27, 28, 29]] {
        let mut lane: Vec<f64> = x[..30].iter().map(|x| 40.0 + 3.0 * x).collect();
        missing.iter().for_each(|&t| lane[t] = f64::NAN);
        for length in [0, 5, 12, 29, 30] {
            let mut session = model.begin(&Batch::single(&lane[..length], 0), &Covariates::none()).expect("a session");
            lane[length..].iter().for_each(|x| session.observe(&[*x]));
            session.end_context();
            let rows = next(&mut *session, model.family());
            assert_eq!(rows, after(&model, &lane), "{missing:?} after {length}");
            let is_settled = missing.iter().all(|t| *t == 0 || *t < 28);
            assert_eq!(rows.is_defined(0), is_settled, "{missing:?} after {length}");
        }
    }
}

#[test]
fn tokens_say_nearly_as_much_as_the_model_that_made_the_values() {
    let x = simulate_ar(&[0.8], 0.0, 1.0, 24_000, (5, 2));
    let (train, held_out) = x.split_at(20_000);
    let bits = |model: &dyn Autoregressive| {
        let (context, target) = (Batch::single(train, 0), Batch::single(held_out, 20_000));
        let (sum, rows) = score::log_likelihood(model, &context, &target, &Covariates::none()).expect("a score");
        -sum / rows as f64 / std::f64::consts::LN_2
    };
    let linear = LinearSpec { order: Order::Fixed(1), ..LinearSpec::default() };
    let truth = bits(&linear.fit(&[Series::new("", train.to_vec())]).expect("a fit").model);
    for kind in [QuantiserKind::Uniform, QuantiserKind::Quantile, QuantiserKind::KMeans] {
        let own = bits(&quantised(train, kind, None, 1));
        assert!(own > truth && own < truth + 0.1, "{kind:?}: {own} bits, {truth} of the truth");
    }
}

#[test]
fn a_model_of_other_symbols_does_not_stand_behind_a_quantiser() {
    let quantiser = QuantiserSpec { kind: QuantiserKind::Uniform, bins: Some(9) };
    let quantiser = quantiser.fit(&[Series::new("", (0..50).map(f64::from).collect())]).expect("bins");
    assert!(Quantised::new(quantiser, chain(1)).is_err());
}
