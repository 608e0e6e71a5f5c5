//! Token files: a header line with what decoding needs, then a table of tokens.
//!
//! ```text
//! #foretoken-tokens v1 {"time":"year","value":"sunspots","frequency":"1","quantiser":{..},"series":[["",48.4,39.4]]}
//! year,token
//! 1700,0
//! ```
//!
//! | key | holds |
//! |---|---|
//! | `id`, `time`, `value` | the columns of the table that was tokenised; the table of tokens has the first two and `token`; rows without times are numbered in a column `t` |
//! | `frequency` | the step between times as they are spelled, where they have one: `1` of years that are integers |
//! | `quantiser` | the bins, as in a model file |
//! | `series` | id, location and scale of each series: x = location + scale z, z the centre of the token's bin |
//! | `crc32` | the CRC-32 (ISO 3309) of this object without the key, a line feed, and the table: so that a file cut short is seen |
//! | `vocabulary` | `merges` as pairs of tokens, or `pieces` with `log_probs`: then a row is a token of the vocabulary, at the time of its first value |

use serde_json::{Value, json};

use super::node::Node;
use super::stored::{read_quantiser, write_quantiser};
use super::{Columns, parse_line, without_nulls};
use crate::error::{Error, Result};
use crate::model::token::merges::Merges;
use crate::model::token::quantiser::Quantiser;
use crate::model::token::unigram::Unigram;
use crate::model::token::vocabulary::Vocabulary;
use crate::predictive::OuterMap;

const MARK: &str = "#foretoken-tokens";
const VERSION: &str = "v1";

/// The header of a token file.
///
/// ```
/// use foretoken::Series;
/// use foretoken::model::file::{Columns, TokenHeader};
/// use foretoken::model::token::quantiser::QuantiserSpec;
///
/// let x = Series::new("a", (0..20).map(|t| f64::from(t * 7 % 11)).collect());
/// let quantiser = QuantiserSpec::default().fit(&[x.clone()])?;
/// let maps = vec![("a".to_owned(), quantiser.map_of(x.values()))];
/// let columns = Columns { value: "x".to_owned(), ..Columns::default() };
/// let header = TokenHeader { columns, frequency: None, quantiser, vocabulary: None, maps };
/// let text = header.file("token\n3\n1\n");
/// assert_eq!(TokenHeader::parse(&text)?, (header, "token\n3\n1\n"));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TokenHeader {
    /// The columns of the table that was tokenised.
    pub columns: Columns,
    /// The step between times, as it is spelled.
    pub frequency: Option<String>,
    /// The bins.
    pub quantiser: Quantiser,
    /// What merges the tokens of bins, if anything.
    pub vocabulary: Option<Vocabulary>,
    /// Every series' way from the numbers of the bins to its values.
    pub maps: Vec<(String, OuterMap)>,
}

impl TokenHeader {
    /// The file: the header and a table.
    #[must_use]
    pub fn file(&self, table: &str) -> String {
        let mut object = self.object();
        let sum = checksum(&object, table);
        object["crc32"] = json!(sum);
        format!("{MARK} {VERSION} {object}\n{table}")
    }

    fn object(&self) -> Value {
        let Columns { id, time, value } = &self.columns;
        let maps = self.maps.iter().map(|(id, map)| json!([id, map.shift, map.factor])).collect::<Value>();
        without_nulls(json!({
            "id": id,
            "time": time,
            "value": value,
            "frequency": self.frequency,
            "quantiser": write_quantiser(&self.quantiser),
            "series": maps,
            "vocabulary": self.vocabulary.as_ref().map(write_vocabulary),
        }))
    }

    /// Reads a file: the header, and the text of the table.
    ///
    /// # Errors
    /// If it is no such file, or damaged: the key, and what was expected there.
    pub fn parse(text: &str) -> Result<(Self, &str)> {
        let (line, table) = text.split_once('\n').unwrap_or((text, ""));
        let (header, mut object) = Self::parse_line(line).map_err(|error| error.at("line 1"))?;
        let written = object.as_object_mut().and_then(|object| object.shift_remove("crc32"));
        let found = checksum(&object, table);
        if written.as_ref().and_then(Value::as_str) != Some(found.as_str()) {
            let written = written.map_or_else(|| "nothing".to_owned(), |written| written.to_string());
            return Err(Error::data("the file is not what was written: it was cut short, edited or damaged")
                .expected(format!("a table whose CRC-32 is {written}; it is \"{found}\""))
                .hint("tokenize again"));
        }
        Ok((header, table))
    }

    fn parse_line(line: &str) -> Result<(Self, Value)> {
        let foreign = |what: String| Error::data(what).expected("a token file, as `foretoken tokenize` writes it");
        let Some(rest) = line.trim_end().strip_prefix(MARK) else {
            return Err(foreign(format!("the first line does not begin with {MARK}")));
        };
        let Some(text) = rest.trim_start().strip_prefix(VERSION) else {
            return Err(foreign("the token file has another version".to_owned()).expected(VERSION));
        };
        let value = parse_line(text.trim())?;
        let node = Node::root(&value);
        let text = |key: &str| node.find(key).map(|found| found.text().map(str::to_owned)).transpose();
        let columns = Columns { id: text("id")?, time: text("time")?, value: node.get("value")?.text()?.to_owned() };
        let quantiser = read_quantiser(&node.get("quantiser")?)?;
        let bins = quantiser.bins().len();
        let vocabulary = node.find("vocabulary").map(|found| read_vocabulary(&found, bins)).transpose()?;
        let maps = node.get("series")?.list()?.iter().map(read_map).collect::<Result<Vec<_>>>()?;
        let frequency = text("frequency")?;
        let header = Self { columns, frequency, quantiser, vocabulary, maps };
        Ok((header, value))
    }
}

fn checksum(object: &Value, table: &str) -> String {
    format!("{:08x}", crc32fast::hash(format!("{object}\n{table}").as_bytes()))
}

fn read_map(node: &Node<'_>) -> Result<(String, OuterMap)> {
    let parts = node.list()?;
    let [id, location, scale] = parts.as_slice() else { return Err(node.error("id, location and scale")) };
    let factor = scale.size()?;
    if factor == 0.0 {
        return Err(scale.error("a number above 0"));
    }
    Ok((id.text()?.to_owned(), OuterMap { shift: location.number()?, factor, ..OuterMap::IDENTITY }))
}

fn write_vocabulary(vocabulary: &Vocabulary) -> Value {
    match vocabulary {
        Vocabulary::Merges(merges) => json!({ "merges": merges.pairs() }),
        Vocabulary::Unigram(unigram) => {
            let pieces: Vec<&[u32]> = (unigram.symbols() as u32..).map_while(|token| unigram.piece(token)).collect();
            json!({ "pieces": pieces, "log_probs": unigram.log_probs() })
        }
    }
}

fn read_vocabulary(node: &Node<'_>, symbols: usize) -> Result<Vocabulary> {
    let whole = |list: &Node<'_>| {
        let numbers =
            list.list()?.iter().map(|token| token.whole(0, u32::MAX as usize - 2)).collect::<Result<Vec<_>>>()?;
        Ok(numbers.into_iter().map(|token| token as u32).collect::<Vec<u32>>())
    };
    if let Some(merges) = node.find("merges") {
        let pair = |list: &Node<'_>| <[u32; 2]>::try_from(whole(list)?).map_err(|_| list.error("two tokens"));
        let pairs = merges.list()?.iter().map(pair).collect::<Result<Vec<_>>>()?;
        return Merges::from_pairs(symbols, &pairs)
            .map(Vocabulary::Merges)
            .map_err(|error| merges.refused(error.to_string()));
    }
    let pieces = node.get("pieces")?;
    let long = pieces.list()?.iter().map(whole).collect::<Result<Vec<_>>>()?;
    let log_probs = node.get("log_probs")?.numbers()?;
    Unigram::from_parts(symbols, &long, log_probs)
        .map(Vocabulary::Unigram)
        .map_err(|error| pieces.refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::series::Series;
    use crate::model::token::quantiser::QuantiserSpec;

    fn header(vocabulary: impl Fn(&[u32], usize) -> Option<Vocabulary>) -> TokenHeader {
        let x = Series::new("shop", (0..60).map(|t| f64::from(t * 7 % 11)).collect());
        let quantiser =
            QuantiserSpec { bins: Some(5), ..QuantiserSpec::default() }.fit(std::slice::from_ref(&x)).expect("bins");
        let map = quantiser.map_of(x.values());
        let tokens: Vec<u32> = x.values().iter().map(|x| quantiser.encode(map.backward(*x))).collect();
        let vocabulary = vocabulary(&tokens, quantiser.bins().len());
        let columns = Columns { id: Some("id".to_owned()), time: Some("t".to_owned()), value: "x".to_owned() };
        TokenHeader {
            columns,
            frequency: Some("1d".to_owned()),
            quantiser,
            vocabulary,
            maps: vec![("shop".to_owned(), map)],
        }
    }

    #[test]
    fn headers_come_back_with_each_vocabulary() {
        let none = header(|_, _| None);
        let merges = header(|tokens, n| Some(Vocabulary::Merges(Merges::learn(&[tokens], n, 4, 2).expect("merges"))));
        let pieces =
            header(|tokens, n| Some(Vocabulary::Unigram(Unigram::learn(&[tokens], n, n + 3, 6).expect("pieces"))));
        for header in [none, merges, pieces] {
            let text = header.file("token\n1\n");
            assert_eq!(TokenHeader::parse(&text).expect("a header"), (header, "token\n1\n"));
        }
    }

    #[test]
    fn damaged_and_foreign_headers_are_refused() {
        let merges = header(|tokens, n| Some(Vocabulary::Merges(Merges::learn(&[tokens], n, 2, 2).expect("merges"))));
        let line = merges.file("token\n1\n3\n");
        for (from, to, expected) in [
            ("#foretoken-tokens", "#tokens", "does not begin with"),
            (" v1 ", " v2 ", "another version"),
            ("\"value\"", "\"wert\"", "the key `value` is missing"),
            ("\"edges_by\":\"quantile\"", "\"edges_by\":\"eye\"", "quantiser.edges_by"),
            ("\"merges\":[[", "\"merges\":[[99,", "two tokens"),
            ("\"merges\":[[", "\"merges\":[[99,1],[", "vocabulary.merges"),
            ("[[\"shop\",", "[[\"shop\",1,", "id, location and scale"),
            ("{", "", "no JSON"),
            ("\n3\n", "\n", "cut short, edited or damaged"),
            ("\n3\n", "\n4\n", "cut short, edited or damaged"),
            ("\"frequency\":\"1d\"", "\"frequency\":\"2d\"", "cut short, edited or damaged"),
            ("\"crc32\"", "\"crc\"", "CRC-32 is nothing"),
        ] {
            assert!(line.contains(from), "{from} in {line}");
            let error = TokenHeader::parse(&line.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        }
    }
}
