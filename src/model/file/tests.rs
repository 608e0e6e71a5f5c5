use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::data::frequency::Frequency;
use crate::model::Fit;
use crate::model::combination::{Combination, Weights};
use crate::model::linear::{
    Ar, ArParts, Average, Choice, Estimator, Form, Innovations, LinearSpec, Order, Start, Terms, Trend,
};
use crate::model::linear::{ArSpec, LinkChoice, SeasonalChoice};
use crate::model::mixture::Mixture;
use crate::model::naive::Naive;
use crate::model::token::QuantisedSpec;
use crate::model::token::markov::{MarkovOrder, MarkovSpec};
use crate::model::token::quantiser::{QuantiserKind, QuantiserSpec};
use crate::model::transformed::{Differences, Transform, Transformed};
use crate::predictive::{Link, Predictive};

fn wave(n: usize) -> Vec<f64> {
    let noise = |t: usize| ((t * t * 7 + t * 3) % 23) as f64 / 7.0;
    (0..n).map(|t| 50.0 + 0.1 * t as f64 + [3.0, -1.0, 4.0, -6.0][t % 4] + noise(t)).collect()
}

fn monthly(values: Vec<f64>) -> Series {
    let months = Frequency::parse("1mo").expect("months");
    let timeline = Timeline::starting_at("2001-03", months, values.len()).expect("a timeline");
    Series::new("a b", values).with_timeline(timeline)
}

fn ar_of(spec: &ArSpec, series: &Series) -> StoredSeries {
    let fitted = spec.fit(std::slice::from_ref(series)).expect("a fit");
    StoredSeries::new(StoredModel::Ar(fitted.model), fitted.summary, Some("least-squares".to_owned()), series)
}

fn spec(p: usize, difference: usize) -> ArSpec {
    ArSpec {
        order: Order::Fixed(p),
        estimator: Choice::Fixed(Estimator::LeastSquares),
        transform: Choice::Fixed(LinkChoice::None),
        seasonal: Choice::Fixed(SeasonalChoice::None),
        average: Choice::Fixed(Average::None),
        difference: Choice::Fixed(difference),
        period: 4,
        ..ArSpec::default()
    }
}

fn file_of(series: Vec<StoredSeries>) -> ModelFile {
    let columns = Columns { id: Some("shop".to_owned()), time: Some("month".to_owned()), value: "sold".to_owned() };
    ModelFile { columns, series }
}

/// An autoregression with known parameters behind a transform.
fn given(parts: ArParts, transform: Transform) -> StoredModel {
    let average = Mixture::new(vec![Ar::from_parts(parts)], &[1.0]).expect("a mixture");
    StoredModel::Ar(Transformed::from_parts(average, transform, Vec::new()))
}

fn parts(start: Start, innovations: Innovations, differences: Differences) -> ArParts {
    ArParts {
        phi: vec![0.5, 0.0, 0.3],
        origin: vec![50.0; differences.order().max(1)],
        differences,
        terms: Terms::of(Trend::Constant),
        coefficients: vec![if start == Start::Stationary { 50.0 } else { 10.0 }],
        form: if start == Start::Stationary { Form::Mean } else { Form::Equation },
        innovations,
        start,
    }
}

/// A Markov chain over tokens, behind differences or not.
fn markov(kind: QuantiserKind, order: usize, difference: usize) -> StoredModel {
    let spec = QuantisedSpec {
        quantiser: QuantiserSpec { kind, bins: Some(6) },
        markov: MarkovSpec { order: MarkovOrder::Fixed(order), symbols: None },
    };
    let transform = Transform::new(Seasonal::None, Link::Identity, Differences::new(difference, 0, 1));
    let series = [Series::new("", wave(80))];
    StoredModel::Markov(Transformed::fit(&spec, transform.expect("a transform"), &series).expect("a fit").model)
}

/// Models of every kind of memory.
fn models() -> Vec<StoredModel> {
    let series = [Series::new("", wave(80))];
    let naive = |spec: Naive| StoredModel::Naive(spec.fit(&series).expect("a fit").model);
    let gaussian = Innovations::Gaussian { sd: 2.0 };
    let student = Innovations::StudentT { scale: 2.0, dof: 5.0 };
    let none = Differences::none;
    let of_spec = |spec: &ArSpec| StoredModel::Ar(spec.fit(&series).expect("a fit").model);
    let log =
        Transform::new(Seasonal::Multiplicative(vec![1.1, 0.9, 1.2, 0.8]), Link::Log, none()).expect("a transform");
    let members = vec![
        LinearSpec { order: Order::Fixed(1), ..LinearSpec::default() },
        LinearSpec { order: Order::Fixed(3), ..LinearSpec::default() },
    ];
    let average = Combination { members, weights: Weights::Equal };
    vec![
        naive(Naive::Mean),
        naive(Naive::RandomWalk { drift: true }),
        naive(Naive::Seasonal { period: 4 }),
        given(parts(Start::Given, gaussian, none()), Transform::identity()),
        given(parts(Start::Given, student, none()), Transform::identity()),
        given(parts(Start::Given, gaussian, Differences::new(1, 1, 4)), Transform::identity()),
        given(parts(Start::Stationary, gaussian, none()), Transform::identity()),
        given(parts(Start::Stationary, gaussian, Differences::new(1, 0, 4)), Transform::identity()),
        of_spec(&ArSpec { average: Choice::Auto, ..spec(2, 1) }),
        of_spec(&ArSpec { terms: Terms { dummies: 4, ..Terms::of(Trend::ConstantTrend) }, ..spec(2, 0) }),
        StoredModel::Ar(Transformed::fit(&average, log, &series).expect("a fit").model),
        markov(QuantiserKind::Uniform, 2, 0),
        markov(QuantiserKind::KMeans, 1, 1),
    ]
}

/// What a model says of the next steps: their joint, and each given the ones before. Values that are missing at the end of
/// a context are forecast, as `forecast` does.
fn said_of(model: &StoredModel, context: &Batch, known: &Covariates) -> Result<String> {
    let unknown = context.unknown_end();
    let read = context.before(context.steps() - unknown);
    let mut session = model.begin(&read, known)?;
    let mut said = format!("{:?}", session.gaussian_paths(&known.after(read.steps()), unknown + 4));
    let mut rows = Predictive::new(model.family(), 1);
    for step in 0..unknown + 4 {
        session.conditional(known.row(read.steps() + step), &mut rows);
        said += &format!("{rows:?}");
        session.observe(&[if step < unknown { f64::NAN } else { 50.0 + step as f64 }]);
    }
    Ok(said)
}

fn ahead(model: &StoredModel, context: &Batch, known: &Covariates) -> String {
    said_of(model, context, known).expect("a session")
}

#[test]
fn forecasts_from_a_file_are_those_from_the_whole_past_to_the_last_bit() {
    let gaps: [&[usize]; 7] =
        [&[], &[59], &[58, 50], &[57, 54, 51, 48, 45, 42, 39], &[20], &[0, 1], &[59, 58, 57, 40, 36]];
    for model in models() {
        for missing in gaps {
            for length in [60, 12, 3, 1] {
                let mut values = wave(60).split_off(60 - length);
                missing.iter().filter_map(|t| t.checked_sub(60 - length)).for_each(|t| values[t] = f64::NAN);
                if values.iter().all(|x| x.is_nan()) {
                    continue;
                }
                let series = monthly(values);
                let direct = ahead(&model, &Batch::single(series.values(), 0), &Covariates::none());
                let stored = StoredSeries::new(
                    model.clone(),
                    Summary { name: "AR".to_owned(), ..Summary::default() },
                    None,
                    &series,
                );
                let text = file_of(vec![stored]).to_text();
                let loaded = ModelFile::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let loaded = &loaded.series[0];
                assert_eq!(loaded.model, model);
                assert_eq!(
                    ahead(&loaded.model, &loaded.context(), &loaded.known()),
                    direct,
                    "{model:?}\n{missing:?} of {length}\n{text}"
                );
                assert_eq!(
                    loaded.tail.timeline().label(loaded.tail.len() as i64),
                    series.timeline().label(length as i64)
                );
            }
        }
    }
}

#[test]
fn what_was_written_is_read_and_small() {
    let series = monthly(wave(150));
    for (order, limit) in [(2, 1200), (13, 2048)] {
        let file = file_of(vec![ar_of(&spec(order, 0), &series)]);
        let text = file.to_text();
        assert_eq!(ModelFile::parse(text.as_bytes()).expect("a file"), file);
        assert!(text.len() < limit, "{} bytes\n{text}", text.len());
        assert_eq!(file.series[0].tail.len(), order);
    }
    let many = [0, 1, 2].map(|d| {
        ar_of(
            &ArSpec {
                transform: Choice::Fixed(LinkChoice::Log),
                seasonal: Choice::Fixed(SeasonalChoice::Factors),
                ..spec(3, d)
            },
            &series,
        )
    });
    let file = file_of(many.to_vec());
    assert_eq!(ModelFile::parse(file.to_text().as_bytes()).expect("a file"), file);
}

#[test]
fn covariates_of_the_past_and_the_known_future_are_kept() {
    let price = |n: usize| Covariate { name: "price".to_owned(), values: (0..n).map(|t| (t * 5 % 7) as f64).collect() };
    let series = monthly(wave(40)).with_covariates(vec![price(44)]);
    let terms = Terms { covariates: vec!["price".to_owned()], ..Terms::of(Trend::Constant) };
    let stored = ar_of(&ArSpec { terms, ..spec(2, 1) }, &series);
    let text = file_of(vec![stored.clone()]).to_text();
    let loaded = &ModelFile::parse(text.as_bytes()).expect("a file").series[0];
    assert_eq!(*loaded, stored);
    let direct = ahead(&stored.model, &Batch::single(series.values(), 0), &Covariates::of_series(&series));
    assert_eq!(ahead(&loaded.model, &loaded.context(), &loaded.known()), direct);
    // Two further values with the covariates that were known, and one beyond.
    let longer = monthly(wave(42)).with_covariates(vec![price(46)]);
    let mut updated = loaded.clone();
    updated.update(&longer).expect("an update");
    let direct = ahead(&stored.model, &Batch::single(longer.values(), 0), &Covariates::of_series(&longer));
    assert_eq!(ahead(&updated.model, &updated.context(), &updated.known()), direct);
    assert!(updated.update(&monthly(wave(44))).is_err(), "without the price");
}

/// Rows of the wave's timeline.
fn rows(range: std::ops::Range<usize>) -> Series {
    let all = monthly(wave(60));
    Series::new("a b", all.values()[range.clone()].to_vec()).with_timeline(all.timeline().slice(range))
}

#[test]
fn an_update_is_a_longer_past() {
    for (new, expected) in [
        (40..44, Update { appended: 4, ..Update::default() }),
        (36..44, Update { appended: 4, repeated: 2, older: 2, ..Update::default() }),
        (43..50, Update { appended: 7, gap: 3, ..Update::default() }),
        (38..40, Update { repeated: 2, ..Update::default() }),
    ] {
        let mut stored = ar_of(&spec(2, 0), &rows(0..40));
        assert_eq!(stored.update(&rows(new.clone())).expect("an update"), expected);
        let mut values = wave(60)[..new.end.max(40)].to_vec();
        (40..new.start).for_each(|t| values[t] = f64::NAN);
        let direct = ahead(&stored.model, &Batch::single(&values, 0), &Covariates::none());
        assert_eq!(ahead(&stored.model, &stored.context(), &stored.known()), direct, "{new:?}");
        assert_eq!(stored.tail.timeline().last_label(), rows(0..values.len()).timeline().last_label());
        // A gap keeps what is before it until as many values are known again.
        assert_eq!(stored.start + stored.tail.len(), values.len());
        let text = file_of(vec![stored.clone()]).to_text();
        assert_eq!(ModelFile::parse(text.as_bytes()).expect("a file").series[0], stored);
    }
}

#[test]
fn an_update_fills_what_was_missing_and_refuses_what_contradicts() {
    let mut values = wave(60);
    values[39] = f64::NAN;
    let mut stored = ar_of(&spec(2, 0), &monthly(values[..40].to_vec()));
    stored.update(&rows(39..41)).expect("an update");
    let direct = ahead(&stored.model, &Batch::single(&wave(60)[..41], 0), &Covariates::none());
    assert_eq!(ahead(&stored.model, &stored.context(), &stored.known()), direct);
    let before = stored.clone();
    let revised = Series::new("", vec![1.5, 2.0]).with_timeline(rows(40..42).timeline().clone());
    let error = stored.update(&revised).expect_err("a contradiction").to_string();
    assert!(error.starts_with("2004-07 has the value 1.5, but ") && error.contains("fit the model again"), "{error}");
    assert_eq!(stored, before, "a refused update changes nothing");
    let days = Timeline::starting_at("2004-08-09", Frequency::parse("1d").expect("days"), 1).expect("a day");
    let error =
        stored.update(&Series::new("", vec![1.0]).with_timeline(days)).expect_err("between two months").to_string();
    assert!(
        error.contains("the time 2004-08-09 does not continue") && error.contains("monthly after 2004-07"),
        "{error}"
    );
}

/// A file of two series, and the error of reading it with one text replaced by another.
fn error_of(from: &str, to: &str) -> String {
    let series = monthly(wave(50));
    let text =
        file_of(vec![ar_of(&spec(2, 1), &series), ar_of(&ArSpec { average: Choice::Auto, ..spec(2, 1) }, &series)])
            .to_text();
    assert!(text.contains(from), "{from} in\n{text}");
    let error = ModelFile::parse(text.replacen(from, to, 1).as_bytes()).expect_err(to);
    assert_eq!(error.kind(), crate::error::ErrorKind::Data);
    error.to_string()
}

#[test]
fn damaged_and_foreign_files_are_refused_by_line_and_key() {
    for (from, to, expected) in [
        ("foretoken-model", "pickle", "line 1: the key `format` is not \"foretoken-model\"; expected a model file"),
        ("\"version\":1", "\"version\":2", "line 1: the file has version 2 of the format; expected at most version 1"),
        ("\"version\":1", "\"version\":\"1\"", "line 1: version: \"1\" cannot be used; expected a whole number"),
        ("\"series\":2", "\"series\":3", "the file holds 2 of 3 series; expected one line for each"),
        ("\"order\":2", "\"order\":1", "cannot be used; expected 1 numbers, or their lags"),
        (
            "\"order\":2",
            "\"order\":3,\"lags\":[1,4]",
            "line 2: series `a b`: model.inner.members[0].lags[1]: 4 cannot be used; expected a whole number from 1 to 3",
        ),
        ("\"order\":2", "\"order\":2e9", "model.inner.members[0].order: 2000000000.0 cannot be used"),
        ("\"trend\":\"c\"", "\"trend\":\"ct\"", "coefficients: ["),
        ("\"sd\":", "\"sd\":-", "members[0].sd: -"),
        ("\"kind\":\"ar\"", "\"kind\":\"gru\"", "members[0].kind: \"gru\" cannot be used; expected one of ar"),
        (
            "\"weights\":[1.0]",
            "\"weights\":[0.5]",
            "weights: [0.5] cannot be used; expected a positive weight for each member",
        ),
        ("\"values\":[", "\"values\":[null,", "context.values: "),
        ("\"start\":4", "\"start\":1e999", "line 2: the line is no JSON: number out of range"),
        ("\"frequency\":\"1mo\"", "\"frequency\":\"soon\"", "context.time: `soon` is no frequency"),
        ("\"parameters\":[[", "\"parameters\":[[3,", "summary.parameters[0][0]: 3 cannot be used; expected a text"),
        ("\"model\":{", "\"modell\":{", "line 2: series `a b`: the object: the key `model` is missing"),
        ("\"observations\":", "\"observations\":NaN", "line 2: the line is no JSON"),
        ("\"phi\":[-0.9", "\"phi\":[-9.9", "the file is not what was written: its numbers were edited or damaged"),
        ("\"crc32\":\"", "\"crc32\":\"0", "expected lines whose CRC-32 is 0"),
        ("\"crc32\"", "\"crc\"", "line 1: the object: the key `crc32` is missing"),
    ] {
        let error = error_of(from, to);
        assert!(error.contains(expected), "{from} -> {to}\n{error}");
    }
    for (bytes, expected) in [
        (&b""[..], "the file is empty"),
        (b"month,sold\n2001-01,5\n", "does not begin with a JSON object"),
        (b"[1]\n", "does not begin with a JSON object"),
        (b"\xff\xfe\x00", "no text"),
        (b"{\"format\":\"foretoken-model\"}", "the key `version` is missing"),
    ] {
        let error = ModelFile::parse(bytes).expect_err(expected).to_string();
        assert!(error.contains(expected) && !error.contains("panick"), "{error}");
    }
}

#[test]
fn damaged_recursions_are_refused_by_key() {
    let spec = ArSpec { estimator: Choice::Fixed(Estimator::Recursive { forgetting: 0.99 }), ..spec(2, 0) };
    let text = file_of(vec![ar_of(&spec, &monthly(wave(40)))]).to_text();
    assert!(ModelFile::parse(text.as_bytes()).is_ok());
    for (from, to, expected) in [
        ("\"forgetting\":0.99", "\"forgetting\":1.99", "recursion: "),
        ("\"inverse\":[", "\"inverse\":[-", "P has -"),
        ("\"inverse\":[", "\"inverse\":[1,", "recursion.inverse: ["),
        ("\"limits\":[", "\"limits\":[null,", "recursion.limits"),
        ("\"squares\":", "\"squares\":-", "recursion.squares: -"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        let error = ModelFile::parse(text.replacen(from, to, 1).as_bytes()).expect_err(to).to_string();
        assert!(error.contains(expected), "{from} -> {to}\n{error}");
    }
}

#[test]
fn damaged_models_of_tokens_are_refused_by_key() {
    for (kind, from, to, expected) in [
        (QuantiserKind::Uniform, "\"edges_by\":\"uniform\"", "\"edges_by\":\"even\"", "quantiser.edges_by: \"even\""),
        (QuantiserKind::Uniform, "\"grid\":[", "\"grid\":[1,", "quantiser.grid: ["),
        (QuantiserKind::Uniform, ",5],\"tails\"", ",6],\"tails\"", "says nothing about 7 tokens"),
        (QuantiserKind::Uniform, ",5],\"tails\"", ",99999],\"tails\"", "expected a whole number from 2 to 65535"),
        (QuantiserKind::Quantile, "\"tails\":[", "\"tails\":[0,", "tails: ["),
        (QuantiserKind::Quantile, "\"edges\":[", "\"edges\":[9e9,", "these edges do not make bins"),
        (QuantiserKind::Quantile, "\"scale\":", "\"scale\":-", "quantiser.scale: -"),
        (QuantiserKind::Quantile, "\"levels\":[", "\"levels\":[9e9,", "not the values that the tokens stand for"),
        (QuantiserKind::KMeans, "\"levels\":[-", "\"levels\":[", "not the values that the tokens stand for"),
        (QuantiserKind::Uniform, "\"range\":[-", "\"range\":[9", "this is no range"),
        (
            QuantiserKind::Quantile,
            "\"symbols\":6",
            "\"symbols\":5",
            "cannot be used; expected a whole number from 0 to 4",
        ),
        (QuantiserKind::Quantile, "\"order\":1", "\"order\":0", "cannot be used; expected at most 0 symbols"),
        (QuantiserKind::Quantile, "\"counts\":[[[],[[0,", "\"counts\":[[[],[[5,", "expected ascending symbols"),
        (QuantiserKind::MuLaw { mu: 9.0 }, "\"mu\":9.0", "\"mu\":\"9\"", "quantiser.mu: \"9\""),
    ] {
        let series = monthly(wave(40));
        let stored = StoredSeries::new(
            markov(kind, 1, 1),
            Summary { name: "Markov".to_owned(), ..Summary::default() },
            None,
            &series,
        );
        let text = file_of(vec![stored]).to_text();
        assert!(
            text.contains(from)
                && text.starts_with("{\"format\":\"foretoken-model\",\"version\":1,\"model\":\"markov\""),
            "{from} in\n{text}"
        );
        let error = ModelFile::parse(text.replacen(from, to, 1).as_bytes()).expect_err(to).to_string();
        assert!(error.contains(expected), "{from} -> {to}\n{error}");
    }
}

/// Good files of every kind.
static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let series = monthly(wave(40));
    let seasonal = ArSpec { seasonal: Choice::Fixed(SeasonalChoice::Factors), ..spec(1, 1) };
    let stored = |model: StoredModel, name: &str| {
        StoredSeries::new(model, Summary { name: name.to_owned(), ..Summary::default() }, None, &series)
    };
    let logs = ArSpec { transform: Choice::Fixed(LinkChoice::Log), ..seasonal };
    let (mut models, mut all) = (models(), vec![ar_of(&spec(2, 0), &series), ar_of(&logs, &series)]);
    all.push(stored(models.swap_remove(6), "AR"));
    all.push(stored(models.swap_remove(2), "SNaive"));
    all.push(stored(markov(QuantiserKind::Uniform, 1, 0), "Markov"));
    all.push(stored(markov(QuantiserKind::Quantile, 1, 1), "Markov"));
    all.into_iter().map(|stored| file_of(vec![stored]).to_text()).collect()
});

proptest! {
    #[test]
    fn no_mutation_of_a_good_file_panics(
        which in 0..6_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        const LIKELY: &[u8] = b"0123456789-.,\"[]{}eE:n";
        let mut bytes = GOOD[which].clone().into_bytes();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] = LIKELY[byte as usize % LIKELY.len()],
                2 => bytes.insert(at, LIKELY[byte as usize % LIKELY.len()]),
                _ => drop(bytes.remove(at)),
            }
        }
        for series in ModelFile::parse(&bytes).map_or_else(|_| Vec::new(), |file| file.series) {
            let _ = said_of(&series.model, &series.context(), &series.known());
            let _ = series.clone().update(&rows(40..44));
        }
    }
}
