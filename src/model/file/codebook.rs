//! Codebooks as JSON: the centroids, what spreads around them, and the chain of the codes.

use serde_json::{Value, json};

use super::node::Node;
use super::stored::{Stored, check_kind};
use crate::error::Result;
use crate::model::token::codebook::{Codebook, Encoder, MAX_CODES, MAX_PATCH};
use crate::model::token::markov::Markov;
use crate::predictive::OuterMap;

impl Stored for Codebook {
    fn write(&self) -> Value {
        let Encoder { patch, centroids, training } = &self.encoder;
        json!({
            "kind": "codebook", "patch": patch, "location": training.shift, "scale": training.factor,
            "centroids": centroids, "scales": self.scales, "chain": self.chain.write(),
        })
    }

    fn read(node: &Node<'_>) -> Result<Self> {
        check_kind(node, "codebook")?;
        let patch = node.get("patch")?.whole(1, MAX_PATCH)?;
        let (scale, centroids, scales) = (node.get("scale")?, node.get("centroids")?, node.get("scales")?);
        let training = OuterMap { shift: node.get("location")?.number()?, factor: scale.size()?, ..OuterMap::IDENTITY };
        if training.factor == 0.0 {
            return Err(scale.error("a number above 0"));
        }
        let encoder = Encoder { patch, centroids: centroids.numbers()?, training };
        let count = encoder.centroids.len();
        if !count.is_multiple_of(patch) || !(1..=MAX_CODES).contains(&encoder.codes()) {
            return Err(centroids.error(&format!("{patch} numbers for each of at most {MAX_CODES} codes")));
        }
        let spreads = scales.numbers()?;
        if spreads.len() != count || !spreads.iter().all(|scale| *scale > 0.0) {
            return Err(scales.error("a number above 0 for each of the centroids'"));
        }
        let chain = Markov::read(&node.get("chain")?)?;
        if chain.symbols() != encoder.codes() {
            return Err(node.refused(format!("a chain of {} symbols for {} codes", chain.symbols(), encoder.codes())));
        }
        Ok(Self { encoder, scales: spreads, chain })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::file::{read_model, write_model};
    use crate::model::token::codebook::{Codebook, CodebookSpec};
    use crate::{Fit, Series};

    #[test]
    fn what_is_no_codebook_is_refused_by_its_key() {
        let x: Vec<f64> = (0..80).map(|t| f64::from(t * t % 7)).collect();
        let spec = CodebookSpec { patch: Some(2), codes: Some(3), ..CodebookSpec::default() };
        let model = spec.fit(&[Series::new("", x)]).expect("a fit").model;
        let text = write_model(&model);
        assert_eq!(read_model::<Codebook>(&text).expect("a codebook"), model);
        let replaced = [
            ("\"patch\":2", "\"patch\":4", "centroids"),
            ("\"patch\":2", "\"patch\":0", "patch"),
            ("\"scales\":[", "\"scales\":[1.0,", "scales"),
            ("\"scales\":[", "\"scales\":[-", "scales"),
            ("\"symbols\":3", "\"symbols\":5", "a chain of 5 symbols"),
            ("codebook", "code book", "kind"),
        ];
        for (from, to, named) in replaced {
            let error = read_model::<Codebook>(&text.replace(from, to)).expect_err(to).to_string();
            assert!(error.contains(named), "{to}: {error}");
        }
    }
}
