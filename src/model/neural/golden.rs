//! What PyTorch computes of layers, heads and steps: `tests/reference/neural/networks.json`, written by the script beside it.

use std::sync::Arc;

use serde_json::Value;

use super::adam::Adam;
use super::backbone::{Backbone, Dropout, Shape};
use super::conv::CausalConv;
use super::head::{Head, Unit};
use super::mlp::Mlp;
use super::parameters::{Layout, Part, Start};
use super::recurrent::{Cell, Recurrent};
use super::transformer::{Positions, Transformer, TransformerShape};
use crate::predictive::Bins;

const TOLERANCE: f64 = 1e-9;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/reference/neural/networks.json")).expect("JSON")
}

fn all(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Value) -> Vec<f64> {
    all(value).iter().map(number).collect()
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

fn are_close(own: &[f64], expected: &[f64], what: &str) {
    assert_eq!(own.len(), expected.len(), "{what}");
    for (i, (a, b)) in own.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(1.0), "{what}, number {i}: {a}, not {b}");
    }
}

/// Fails unless features and gradients are those of PyTorch.
fn agrees<B: Backbone<f64>>(net: &B, layout: &Layout, case: &Value) {
    let name = case["name"].as_str().expect("a name");
    let parameters = case["parameters"].as_object().expect("parts");
    let own: Vec<&str> = layout.parts().map(|(part, _)| part.name.as_str()).collect();
    assert_eq!(own, parameters.keys().collect::<Vec<_>>(), "the parts of {name}");
    let p: Vec<f64> = parameters.values().flat_map(numbers).collect();
    assert_eq!(p.len(), layout.len());
    let shape = Shape { steps: count(&case["steps"]), lanes: count(&case["lanes"]) };
    let x = numbers(&case["x"]);
    let (mut tape, mut out) = (B::Tape::default(), Vec::new());
    net.forward(&p, shape, &x, Dropout::NONE, &mut tape, &mut out);
    are_close(&out, &numbers(&case["features"]), name);
    let (mut gradient, mut d_x) = (vec![0.0; p.len()], vec![0.0; x.len()]);
    let weights = numbers(&case["weights"]);
    net.backward(&p, shape, &x, Dropout::NONE, &mut tape, &weights, &mut gradient, Some(&mut d_x));
    are_close(&d_x, &numbers(&case["input_gradient"]), &format!("gradient of the inputs of {name}"));
    for (part, range) in layout.parts() {
        let stride = (range.len() / 5).max(1);
        let few: Vec<f64> = gradient[range].iter().step_by(stride).copied().collect();
        are_close(&few, &numbers(&case["gradient"][&part.name]), &format!("gradient of {}", part.name));
    }
}

#[test]
fn layers_are_those_of_pytorch() {
    for case in all(&golden()["layers"]) {
        let inputs = count(&case["inputs"]);
        let size = |name: &str| count(&case["sizes"][name]);
        let most = |name: &str| case["sizes"][name].as_u64().map(|size| size as usize);
        let mut layout = Layout::default();
        match case["name"].as_str() {
            Some("mlp") => {
                let net = Mlp::new(&mut layout, inputs, size("hidden"), size("layers"));
                agrees(&net, &layout, case);
            }
            Some(name @ ("gru" | "lstm")) => {
                let cell = if name == "gru" { Cell::Gru } else { Cell::Lstm };
                let net = Recurrent::new(&mut layout, cell, inputs, size("hidden"), size("layers"));
                agrees(&net, &layout, case);
            }
            Some("conv") => {
                let net = CausalConv::new(&mut layout, inputs, size("channels"), size("layers"), size("cycle"));
                agrees(&net, &layout, case);
            }
            Some("transformer") => {
                let shape = TransformerShape {
                    inputs,
                    width: size("width"),
                    heads: size("heads"),
                    layers: size("layers"),
                    positions: most("positions").map_or(Positions::Rotary, |most| Positions::Learned { most }),
                    window: most("window"),
                };
                let net = Transformer::new(&mut layout, shape);
                agrees(&net, &layout, case);
            }
            other => unreachable!("{other:?}"),
        }
    }
}

#[test]
fn heads_are_those_of_pytorch() {
    let golden = golden();
    let unit = &golden["unit"];
    let unit =
        Unit { floor: number(&unit["floor"]), location: number(&unit["location"]), spread: number(&unit["spread"]) };
    let tails = numbers(&golden["bins"]["tails"]);
    let bins = Arc::new(Bins::new(numbers(&golden["bins"]["edges"]), [tails[0], tails[1]]).expect("bins"));
    for case in all(&golden["heads"]) {
        let name = case["name"].as_str().expect("a name");
        let head = match name {
            "gaussian" => Head::Gaussian,
            "student_t" => Head::StudentT,
            "mixture" => Head::Mixture { components: 3 },
            "negative_binomial" => Head::NegativeBinomial,
            _ => Head::Tokens(bins.clone()),
        };
        for row in all(&case["rows"]) {
            let (raw, z) = (numbers(&row["raw"]), number(&row["z"]));
            // The masses of tokens are PyTorch's; where in its bin a value lies is not.
            let shape = if head.has_tokens() { bins.log_shape(bins.index(z), z) } else { 0.0 };
            let mut d = vec![0.0; raw.len()];
            let own = head.score(&raw, unit, z, &mut d);
            are_close(&[own - shape], &[number(&row["log_prob"])], name);
            are_close(&d, &numbers(&row["gradient"]), &format!("gradient of {name}"));
            let mut d = vec![0.0; raw.len()];
            let (own, _) = head.log_probs(&raw, &[z], &[unit], &mut d);
            are_close(&[own - shape], &[number(&row["log_prob"])], name);
            d.iter_mut().for_each(|d| *d = -*d);
            are_close(&d, &numbers(&row["gradient"]), &format!("gradient of {name}"));
        }
    }
}

#[test]
fn steps_are_those_of_pytorch() {
    let golden = golden();
    let case = &golden["adam_w"];
    let mut layout = Layout::default();
    for (name, rows, columns, decays) in [("weight", 2, 3, true), ("bias", 1, 2, false)] {
        let _ = layout.part(Part { name: name.to_owned(), rows, columns, start: Start::Constant(0.0), decays });
    }
    let mut p = numbers(&case["start"]);
    let mut adam = Adam::new(p.len());
    for gradient in all(&case["gradients"]) {
        adam.step(&layout, &mut p, &numbers(gradient), number(&case["rate"]), number(&case["decay"]));
    }
    are_close(&p, &numbers(&case["end"]), "AdamW");
}
