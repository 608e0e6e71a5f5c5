//! From `--decode` and what belongs to it to a [`Decoding`].

use super::args::{DecodeArgs, DecodeName};
use crate::error::{Error, Result};
use crate::generate::{DEFAULT_BEAM_WIDTH, DEFAULT_TOP_K, DEFAULT_TOP_P, Decoding};

impl DecodeArgs {
    /// How values are chosen; `paths` is how many the likeliest is taken from.
    ///
    /// # Errors
    /// If an option belongs to another decoding than the one asked for.
    pub(super) fn decoding(&self, name: DecodeName, paths: usize) -> Result<Decoding> {
        self.check(name)?;
        let temperature = self.temperature.unwrap_or(1.0);
        let mass = self.top_p.unwrap_or(DEFAULT_TOP_P);
        Ok(match name {
            DecodeName::Sample => Decoding::Sample { temperature },
            DecodeName::Greedy => Decoding::Greedy,
            DecodeName::Mean => Decoding::Mean,
            DecodeName::Median => Decoding::Median,
            DecodeName::TopK => Decoding::TopK { k: self.top_k.unwrap_or(DEFAULT_TOP_K), temperature },
            DecodeName::Nucleus => Decoding::Nucleus { mass, temperature },
            DecodeName::Typical => Decoding::Typical { mass, temperature },
            DecodeName::Beam => Decoding::Beam { width: self.beam_width.unwrap_or(DEFAULT_BEAM_WIDTH) },
            DecodeName::BestOf => Decoding::BestOf { n: paths, temperature },
        })
    }

    /// How a forecast chooses values, where it is told at all: `--temperature` alone asks for draws.
    ///
    /// # Errors
    /// As [`decoding`](Self::decoding).
    pub(super) fn asked(&self, paths: usize) -> Result<Option<Decoding>> {
        match self.decode {
            Some(name) => self.decoding(name, paths).map(Some),
            None if self.temperature.is_some() => self.decoding(DecodeName::Sample, paths).map(Some),
            None => self.check(DecodeName::Sample).map(|()| None),
        }
    }

    /// Refuses options that the decoding does not read.
    fn check(&self, name: DecodeName) -> Result<()> {
        let draws = !name.has_one_path() || name == DecodeName::BestOf;
        let options = [
            ("--temperature", self.temperature.is_some(), draws, "a decoding that draws"),
            ("--antithetic", self.antithetic, draws, "a decoding that draws"),
            ("--top-k", self.top_k.is_some(), name == DecodeName::TopK, "--decode top-k"),
            (
                "--top-p",
                self.top_p.is_some(),
                matches!(name, DecodeName::Nucleus | DecodeName::Typical),
                "--decode nucleus or typical",
            ),
            ("--beam-width", self.beam_width.is_some(), name == DecodeName::Beam, "--decode beam"),
        ];
        match options.into_iter().find(|(_, is_given, is_read, _)| *is_given && !is_read) {
            None => Ok(()),
            Some((option, _, _, of)) => {
                Err(Error::usage(format!("{option} without {of}")).hint(format!("leave it out, or choose {of}")))
            }
        }
    }
}
