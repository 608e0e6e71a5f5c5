//! Conditioned generation against the dense multivariate normal: moments, densities and evidence of exact draws, and of
//! particles that are not told that the joint is Gaussian.

use foretoken::generate::gaussian::Conditioned;
use foretoken::generate::scenario::{FixMode, Fixes, Scenario, generate_fixed};
use foretoken::generate::{Decoding, Generation, Stop, generate};
use foretoken::model::linear::{Ar, Estimator, LinearSpec, Order};
use foretoken::model::mixture::Mixture;
use foretoken::model::transformed::{Differences, Seasonal, Transform, Transformed};
use foretoken::model::vector::{DMatrix, DVector};
use foretoken::model::{Running, Session};
use foretoken::predictive::{Family, Link, Predictive};
use foretoken::{Autoregressive, Batch, Covariates, ErrorKind, Result, Rows, Series, score};

const HORIZON: usize = 8;
const PAST: [f64; 5] = [2.0, 1.5, 2.5, 3.1, 2.2];
const FIXED: [(usize, f64); 2] = [(3, 3.5), (7, 1.8)];

/// A model and what it is by the book: the weights, means and covariances of the joint of its next values behind a link.
struct Case {
    model: Box<dyn Autoregressive>,
    link: Link,
    normals: Vec<(f64, DVector<f64>, DMatrix<f64>)>,
}

/// The joint of the next values of w_t = c + sum a_k w_{t-k} + sd e_t, from A w = b + sd e.
fn dense(a: &[f64], c: f64, sd: f64, past: &[f64]) -> (DVector<f64>, DMatrix<f64>) {
    let mut equations = DMatrix::identity(HORIZON, HORIZON);
    let mut right = DVector::from_element(HORIZON, c);
    for j in 0..HORIZON {
        for (k, a) in a.iter().enumerate() {
            if j > k {
                equations[(j, j - k - 1)] = -a;
            } else {
                right[j] += a * past[past.len() + j - k - 1];
            }
        }
    }
    let inverse = equations.try_inverse().expect("a triangular matrix of ones");
    (&inverse * right, &inverse * inverse.transpose() * sd * sd)
}

fn autoregression() -> Case {
    let (mean, covariance) = dense(&[0.6, -0.3], 1.0, 0.7, &PAST);
    Case { model: Box::new(ar()), link: Link::Identity, normals: vec![(1.0, mean, covariance)] }
}

fn ar() -> Ar {
    Ar::new(1.0, 0.0, vec![0.6, -0.3], 0.7, 2.0)
}

/// z_t = 0.02 + 0.5 z_{t-1} + e_t for the differences of logarithms.
fn growth() -> Case {
    let transform = Transform::new(Seasonal::None, Link::Log, Differences::new(1, 0, 1)).expect("a transform");
    let spec = LinearSpec { order: Order::Fixed(1), estimator: Estimator::LeastSquares, ..LinearSpec::default() };
    let any = Transformed::fit(&spec, transform, &[Series::new("", vec![1.0, 2.0, 1.5, 3.0, 2.0, 1.2, 2.2])]);
    let model = any.expect("a fit").model.with_inner(Ar::new(0.02, 0.0, vec![0.5], 0.2, 0.0));
    let logs: Vec<f64> = PAST.iter().map(|x| x.ln()).collect();
    let (mean, covariance) = dense(&[1.5, -0.5], 0.02, 0.2, &logs);
    Case { model: Box::new(model), link: Link::Log, normals: vec![(1.0, mean, covariance)] }
}

fn average() -> Case {
    let members = vec![ar(), Ar::new(0.2, 0.0, vec![0.2, 0.7], 0.5, 2.0)];
    let (first, second) = (dense(&[0.6, -0.3], 1.0, 0.7, &PAST), dense(&[0.2, 0.7], 0.2, 0.5, &PAST));
    Case {
        model: Box::new(Mixture::new(members, &[0.3, 0.7]).expect("a mixture")),
        link: Link::Identity,
        normals: vec![(0.3, first.0, first.1), (0.7, second.0, second.1)],
    }
}

fn cases() -> [Case; 3] {
    [autoregression(), growth(), average()]
}

fn log_normal_density(at: &DVector<f64>, mean: &DVector<f64>, covariance: &DMatrix<f64>) -> f64 {
    let distance = at - mean;
    let scaled = covariance.clone().try_inverse().expect("a covariance") * &distance;
    let scale = covariance.determinant().ln() + at.len() as f64 * std::f64::consts::TAU.ln();
    -0.5 * (distance.dot(&scaled) + scale)
}

impl Case {
    /// ln p of values at some steps, in data units.
    fn log_density(&self, at: &[(usize, f64)]) -> f64 {
        let steps: Vec<usize> = at.iter().map(|(step, _)| *step).collect();
        let w = DVector::from_iterator(at.len(), at.iter().map(|(_, y)| self.link.apply(*y)));
        let part = |(weight, mean, covariance): &(f64, DVector<f64>, DMatrix<f64>)| {
            let own = covariance.select_rows(&steps).select_columns(&steps);
            weight * log_normal_density(&w, &mean.select_rows(&steps), &own).exp()
        };
        let jacobian: f64 = at.iter().map(|(_, y)| self.link.log_slope(*y)).sum();
        self.normals.iter().map(part).sum::<f64>().ln() + jacobian
    }

    /// Mean and covariance of all steps behind the link, given the fixed values: m + S_F S_FF^-1 (w - m_F) of every
    /// component, with their weights by Bayes' theorem.
    fn moments(&self) -> (DVector<f64>, DMatrix<f64>) {
        let steps = FIXED.map(|(step, _)| step);
        let w = DVector::from_iterator(2, FIXED.iter().map(|(_, y)| self.link.apply(*y)));
        let (mut mean, mut second) = (DVector::zeros(HORIZON), DMatrix::zeros(HORIZON, HORIZON));
        let mut total = 0.0;
        for (weight, m, s) in &self.normals {
            let (across, own) = (s.select_columns(&steps), s.select_columns(&steps).select_rows(&steps));
            let share = weight * log_normal_density(&w, &m.select_rows(&steps), &own).exp();
            let gain = across.clone() * own.try_inverse().expect("a covariance");
            let center = m + &gain * (&w - m.select_rows(&steps));
            let spread = s - gain * across.transpose();
            mean += share * &center;
            second += share * (spread + &center * center.transpose());
            total += share;
        }
        mean /= total;
        let covariance = second / total - &mean * mean.transpose();
        (mean, covariance)
    }

    fn run(&self, what: &Generation, mode: FixMode) -> Result<Scenario> {
        scenario(&*self.model, what, mode)
    }

    /// The differences of sampled moments and true ones, of the steps that are not fixed, in units of `paths`^-1/2.
    fn check_moments(&self, scenario: &Scenario, tolerance: f64) {
        let (mean, covariance) = self.moments();
        let paths = &scenario.paths;
        let (n, free) = (paths.lanes() as f64, [0, 1, 2, 4, 5, 6]);
        let w = |step: usize| paths.step(step).iter().map(|y| self.link.apply(*y) - mean[step]).collect::<Vec<_>>();
        for i in free {
            let sd = covariance[(i, i)].sqrt();
            let error = w(i).iter().sum::<f64>() / n / sd;
            assert!(error.abs() < tolerance / n.sqrt(), "step {i}: mean off by {error} sd");
            for j in free {
                let scale = sd * covariance[(j, j)].sqrt();
                let sampled = w(i).iter().zip(w(j)).map(|(a, b)| a * b).sum::<f64>() / n;
                let error = (sampled - covariance[(i, j)]) / scale;
                assert!(error.abs() < 2.0 * tolerance / n.sqrt(), "steps {i}, {j}: covariance off by {error}");
            }
        }
    }
}

fn fixes() -> Fixes {
    Fixes::new(&FIXED).expect("two values")
}

fn scenario(model: &dyn Autoregressive, what: &Generation, mode: FixMode) -> Result<Scenario> {
    generate_fixed(model, &Batch::single(&PAST, 0), &Covariates::none(), what, &fixes(), mode)
}

/// The same model, which does not say that its joint is Gaussian.
#[derive(Debug)]
struct Hidden(Box<dyn Autoregressive>);

impl Autoregressive for Hidden {
    fn family(&self) -> Family {
        self.0.family()
    }

    fn begin<'m>(&'m self, context: &Batch, known: &Covariates) -> Result<Running<'m>> {
        Ok(Box::new(HiddenSession(self.0.begin(context, known)?)))
    }
}

struct HiddenSession<'m>(Running<'m>);

impl<'m> Session<'m> for HiddenSession<'m> {
    fn lanes(&self) -> usize {
        self.0.lanes()
    }

    fn conditional(&mut self, known: Rows<'_>, out: &mut Predictive) {
        self.0.conditional(known, out);
    }

    fn observe(&mut self, x: &[f64]) {
        self.0.observe(x);
    }

    fn fork(&self, parents: &[usize]) -> Running<'m> {
        Box::new(HiddenSession(self.0.fork(parents)))
    }
}

#[test]
fn exact_moments_are_those_of_the_multivariate_normal() {
    for case in cases() {
        let session = case.model.begin(&Batch::single(&PAST, 0), &Covariates::none()).expect("a session");
        let joint = session.gaussian_paths(&Covariates::none(), HORIZON).expect("a Gaussian joint").remove(0);
        let given = Conditioned::new(joint, &FIXED).expect("a conditioned joint");
        assert!((given.log_evidence() - case.log_density(&FIXED)).abs() < 1e-10);
        let ((mean, covariance), rows) = (case.moments(), given.marginals());
        for step in [0, 1, 2, 4, 5, 6] {
            let mut row = rows.clone();
            let map = rows.row(step).map();
            let (offset, slope) = map.in_link_units();
            row.set_map(step, foretoken::predictive::OuterMap::IDENTITY);
            assert!((offset + slope * row.row(step).mean() - mean[step]).abs() < 1e-10, "step {step}");
            let sd = covariance[(step, step)].sqrt();
            assert!((slope * row.row(step).std_dev() - sd).abs() < 1e-10, "step {step}");
        }
    }
}

#[test]
fn exact_draws_have_the_conditional_moments_and_densities() {
    for case in cases() {
        let found = case.run(&Generation::sample(HORIZON, 20_000, 5), FixMode::Condition).expect("a scenario");
        case.check_moments(&found, 4.5);
        assert!((found.log_evidence - case.log_density(&FIXED)).abs() < 1e-10 && found.effective_sample_size.is_none());
        for lane in 0..5 {
            let path: Vec<f64> = found.paths.path(lane).collect();
            assert!(FIXED.iter().all(|&(step, value)| path[step] == value));
            let (log_prob, log_q) = (found.paths.log_prob()[lane], found.paths.log_q()[lane]);
            let all: Vec<(usize, f64)> = path.iter().copied().enumerate().collect();
            assert!((log_prob - case.log_density(&all)).abs() < 1e-8);
            assert!((log_q - (case.log_density(&all) - case.log_density(&FIXED))).abs() < 1e-8);
            // The chain rule: the joint is the product of the conditionals.
            let (context, target) = (Batch::single(&PAST, 0), Batch::single(&path, 5));
            let steps = score::log_likelihood(&*case.model, &context, &target, &Covariates::none()).expect("scores");
            assert!((log_prob - steps.0).abs() < 1e-10 && steps.1 == HORIZON, "{log_prob}, not {}", steps.0);
        }
    }
}

#[test]
fn particles_have_the_conditional_moments() {
    for case in cases() {
        let hidden = Hidden(case.model);
        let what = Generation::sample(HORIZON, 40_000, 3);
        let found = scenario(&hidden, &what, FixMode::Condition).expect("a scenario");
        let case = Case { model: hidden.0, ..case };
        // Fewer independent paths than particles.
        case.check_moments(&found, 15.0);
        let size = found.effective_sample_size.expect("particles");
        assert!(size > 4_000.0 && size < 40_000.0, "{size}");
        assert!((found.log_evidence - case.log_density(&FIXED)).abs() < 0.05);
        let path: Vec<f64> = found.paths.path(7).collect();
        let (context, target) = (Batch::single(&PAST, 0), Batch::single(&path, 5));
        let steps = score::log_likelihood(&*case.model, &context, &target, &Covariates::none()).expect("scores");
        assert!((found.paths.log_prob()[7] - steps.0).abs() < 1e-10);
        assert!((found.paths.log_prob()[7] - found.paths.log_q()[7] - found.log_evidence).abs() < 1e-12);
    }
}

#[test]
fn a_value_changes_what_came_before_it_where_it_is_observed_not_where_it_is_set() {
    let last = Fixes::new(&[(HORIZON - 1, 5.3)]).expect("a value");
    let none = Fixes::new(&[]).expect("no value");
    let (context, known, what) = (Batch::single(&PAST, 0), Covariates::none(), Generation::sample(HORIZON, 2_000, 1));
    let hidden = |case: Case| Hidden(case.model);
    let models: Vec<Box<dyn Autoregressive>> =
        cases().into_iter().map(|case| case.model).chain([Box::new(hidden(autoregression())) as _]).collect();
    for model in models {
        let run =
            |fixes, mode| generate_fixed(&*model, &context, &known, &what, fixes, mode).expect("a scenario").paths;
        let free = run(&none, FixMode::Intervene);
        let (set, seen) = (run(&last, FixMode::Intervene), run(&last, FixMode::Condition));
        // What is drawn at once has densities of its normals, not of the values: they differ by rounding.
        let plain = generate(&*model, &context, &known, &what).expect("paths");
        assert!((0..HORIZON).all(|step| free.step(step) == plain.step(step)));
        assert!(free.log_prob().iter().zip(plain.log_prob()).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!((0..HORIZON - 1).all(|step| free.step(step) == set.step(step)));
        assert!(set.step(HORIZON - 1).iter().chain(seen.step(HORIZON - 1)).all(|value| *value == 5.3));
        let mean = |paths: &foretoken::generate::Paths| paths.step(HORIZON - 2).iter().sum::<f64>() / 2_000.0;
        assert!(mean(&seen) > mean(&free) + 0.2, "{} after {}", mean(&seen), mean(&free));
        assert_eq!(seen, run(&last, FixMode::Condition));
    }
}

#[test]
fn what_is_set_counts_for_the_model_and_not_for_the_choices() {
    for case in cases() {
        let set = case.run(&Generation::sample(HORIZON, 3, 1), FixMode::Intervene).expect("a scenario");
        assert!(set.log_evidence.is_nan() && set.effective_sample_size.is_none());
        for lane in 0..3 {
            let path: Vec<f64> = set.paths.path(lane).collect();
            let (context, target) = (Batch::single(&PAST, 0), Batch::single(&path, 5));
            let scores = score::log_probs(&*case.model, &context, &target, &Covariates::none()).expect("scores");
            let (all, fixed) = (scores.iter().sum::<f64>(), FIXED.map(|(step, _)| scores[step]).iter().sum::<f64>());
            assert!((set.paths.log_prob()[lane] - all).abs() < 1e-10);
            assert!((set.paths.log_q()[lane] - (all - fixed)).abs() < 1e-10);
        }
    }
}

#[test]
fn the_likeliest_path_of_one_normal_is_its_center_and_the_best_of_many_is_one_of_them() {
    for case in [autoregression(), growth()] {
        let run = |decoding| {
            let what = Generation { decoding, ..Generation::sample(HORIZON, 50, 4) };
            case.run(&what, FixMode::Condition).expect("a scenario").paths
        };
        let center = run(Decoding::Median);
        for decoding in [Decoding::Greedy, Decoding::Beam { width: 3 }] {
            assert_eq!(run(decoding), center);
        }
        let (all, best) =
            (run(Decoding::Sample { temperature: 1.0 }), run(Decoding::BestOf { n: 50, temperature: 1.0 }));
        let most = all.log_prob().iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert_eq!((best.lanes(), best.log_prob()[0]), (1, most));
    }
    let hidden = Hidden(autoregression().model);
    let what =
        Generation { decoding: Decoding::BestOf { n: 50, temperature: 1.0 }, ..Generation::sample(HORIZON, 1, 4) };
    let best = scenario(&hidden, &what, FixMode::Condition).expect("a scenario").paths;
    assert!(best.lanes() == 1 && FIXED.iter().all(|&(step, value)| best.step(step)[0] == value));
    let mean =
        scenario(&hidden, &Generation { decoding: Decoding::Mean, ..what }, FixMode::Condition).expect("a scenario");
    assert!(FIXED.iter().all(|&(step, value)| mean.paths.step(step)[0] == value), "to the last digit");
}

#[test]
fn what_has_no_meaning_is_refused_with_a_reason() {
    let (context, known, sample) = (Batch::single(&PAST, 0), Covariates::none(), Generation::sample(HORIZON, 10, 1));
    let refused = |model: &dyn Autoregressive, what: &Generation, fixed: &[(usize, f64)], mode| {
        let fixes = Fixes::new(fixed).expect("values");
        let error = generate_fixed(model, &context, &known, what, &fixes, mode).expect_err("nothing to generate");
        (error.kind(), error.to_string())
    };
    let (plain, log) = (autoregression().model, growth().model);
    let with = |decoding| Generation { decoding, ..sample.clone() };
    let nucleus = with(Decoding::Nucleus { mass: 0.9, temperature: 1.0 });
    let until = Generation { stop: Stop::Above(3.0), ..sample.clone() };
    let beam = with(Decoding::Beam { width: 4 });
    let (cold, greedy) = (with(Decoding::Sample { temperature: 0.5 }), with(Decoding::Greedy));
    let hidden = Hidden(autoregression().model);
    for ((kind, text), expected, part) in [
        (
            refused(&*plain, &nucleus, &FIXED, FixMode::Condition),
            ErrorKind::Usage,
            "--decode nucleus chooses step by step",
        ),
        (refused(&*plain, &until, &FIXED, FixMode::Condition), ErrorKind::Usage, "stops early"),
        (refused(&*plain, &beam, &FIXED, FixMode::Intervene), ErrorKind::Usage, "--decode beam compares"),
        (refused(&*plain, &cold, &FIXED, FixMode::Condition), ErrorKind::Usage, "--decode sample --temperature 0.5"),
        (refused(&hidden, &beam, &FIXED, FixMode::Condition), ErrorKind::Usage, "under this model"),
        (refused(&*average().model, &greedy, &FIXED, FixMode::Condition), ErrorKind::Usage, "under this model"),
        (refused(&*plain, &sample, &[(HORIZON, 1.0)], FixMode::Condition), ErrorKind::Usage, "beyond the horizon"),
        (refused(&*log, &sample, &[(2, -1.0)], FixMode::Condition), ErrorKind::Data, "-1"),
        (refused(&*log, &sample, &[(2, -1.0)], FixMode::Intervene), ErrorKind::Data, "-1"),
        (refused(&hidden, &sample, &[(2, 9.0)], FixMode::Condition), ErrorKind::Numeric, "too few"),
    ] {
        assert!(kind == expected && text.contains(part), "{kind:?}: {text}");
    }
}
