//! Sequences of symbols: texts, words, small rasters, and the numbers that stand for what they consist of.
//!
//! A model of symbols knows the numbers 0, 1, .. S - 1; an [`Alphabet`] knows what each of them is called. Of a text the
//! symbols are its characters, of words (notes of a melody, states of a machine) whatever stands between white space, of a
//! raster the values of its pixels, read row by row: a plain PBM or PGM file (Poskanzer 1989: `P1`, `P2`), or several, one
//! after the other. Numbers are given in the order of the names, so that the same names have the same numbers.

use std::collections::{BTreeSet, HashMap};

use crate::data::series::Series;
use crate::error::{Error, Result};

/// What a sequence consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Every character is a symbol, white space and line ends too.
    Characters,
    /// Words between white space.
    Words,
    /// The pixels of plain PBM or PGM images.
    Raster,
}

/// The names of the symbols, ascending; symbol i has the i-th.
///
/// ```
/// use foretoken::model::token::symbols::{Alphabet, Notation};
///
/// let alphabet = Alphabet::of("c d e c", Notation::Words)?;
/// assert_eq!(alphabet.encode("e c c")?, [2, 0, 0]);
/// assert_eq!(alphabet.decode(&[1, 2])?, "d e");
/// assert!(alphabet.encode("c f").unwrap_err().to_string().contains("`f`"));
/// # Ok::<(), foretoken::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alphabet {
    notation: Notation,
    names: Vec<String>,
    /// Pixels in a row; 0 of anything but a raster.
    width: usize,
}

impl Alphabet {
    /// The symbols that are in a text.
    ///
    /// # Errors
    /// If there are none, or the text is no raster where one is expected.
    pub fn of(text: &str, notation: Notation) -> Result<Self> {
        let (width, pieces) = read(text, notation)?;
        let names: BTreeSet<String> = pieces.into_iter().collect();
        if names.is_empty() {
            return Err(Error::data("there are no symbols").expected("a text that is not empty"));
        }
        let mut names: Vec<String> = names.into_iter().collect();
        if notation == Notation::Raster {
            names.sort_by_key(|name| name.parse::<u32>().unwrap_or(u32::MAX));
        }
        Ok(Self { notation, names, width })
    }

    /// The number of symbols.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a symbol.
    #[must_use]
    pub fn name(&self, symbol: u32) -> Option<&str> {
        self.names.get(symbol as usize).map(String::as_str)
    }

    /// The pixels in a row of a raster; 0 of anything else.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The symbol of a name.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<u32> {
        self.names.iter().position(|known| known == name).map(|at| at as u32)
    }

    /// The symbols of a text.
    ///
    /// # Errors
    /// If one of them is not in the alphabet: which, and where.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let (_, pieces) = read(text, self.notation)?;
        let known: HashMap<&str, u32> = self.names.iter().map(String::as_str).zip(0..).collect();
        let symbol = |(place, piece): (usize, String)| {
            known.get(piece.as_str()).copied().ok_or_else(|| {
                Error::data(format!("`{}` is no symbol that was learned", piece.escape_default()))
                    .at(format!("position {}", place + 1))
                    .expected(format!("one of {}", self.listed()))
            })
        };
        pieces.into_iter().enumerate().map(symbol).collect()
    }

    /// The text of symbols: characters as they are, words with a blank between them, pixels in rows.
    ///
    /// # Errors
    /// If a number is no symbol.
    pub fn decode(&self, symbols: &[u32]) -> Result<String> {
        let name = |symbol: &u32| {
            self.name(*symbol).ok_or_else(|| {
                Error::data(format!("{symbol} is no symbol")).expected(format!("numbers from 0 to {}", self.len() - 1))
            })
        };
        let names: Vec<&str> = symbols.iter().map(name).collect::<Result<_>>()?;
        Ok(match self.notation {
            Notation::Characters => names.concat(),
            Notation::Words => names.join(" "),
            Notation::Raster => names.chunks(self.width.max(1)).map(|row| row.join(" ")).collect::<Vec<_>>().join("\n"),
        })
    }

    /// Symbols as a series, as models read them.
    #[must_use]
    pub fn series(&self, symbols: &[u32]) -> Series {
        Series::new("", symbols.iter().map(|symbol| f64::from(*symbol)).collect())
    }

    /// A few of the names.
    fn listed(&self) -> String {
        const LISTED: usize = 8;
        let first: Vec<String> =
            self.names.iter().take(LISTED).map(|name| format!("`{}`", name.escape_default())).collect();
        first.join(", ") + if self.len() > LISTED { ", .." } else { "" }
    }
}

/// The pieces of a text, and the width of a raster.
fn read(text: &str, notation: Notation) -> Result<(usize, Vec<String>)> {
    match notation {
        Notation::Characters => Ok((0, text.chars().map(String::from).collect())),
        Notation::Words => Ok((0, text.split_whitespace().map(str::to_owned).collect())),
        Notation::Raster => raster(text),
    }
}

/// The pixels of one image or several of one width.
fn raster(text: &str) -> Result<(usize, Vec<String>)> {
    let mut words = text.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    let (mut width, mut pixels) = (0, Vec::new());
    while let Some(magic) = words.next() {
        if !matches!(magic, "P1" | "P2") {
            return Err(no_raster(format!("`{magic}` begins no image")));
        }
        let mut number = |what: &str| {
            let word = words.next().ok_or_else(|| no_raster(format!("the {what} is missing")))?;
            word.parse::<usize>().map_err(|_| no_raster(format!("the {what} is `{word}`")))
        };
        let (own, height) = (number("width")?, number("height")?);
        let largest = if magic == "P2" { number("largest grey")? } else { 1 };
        if own == 0 || (width != 0 && own != width) {
            return Err(no_raster(format!("an image is {own} pixels wide")));
        }
        width = own;
        let size =
            width.checked_mul(height).ok_or_else(|| no_raster(format!("an image is {own} by {height} pixels")))?;
        let own = pixels_of(&mut words, magic == "P1", size)?;
        if let Some(bad) = own.iter().find(|pixel| pixel.parse::<usize>().ok().is_none_or(|grey| grey > largest)) {
            return Err(no_raster(format!("`{bad}` is no pixel from 0 to {largest}")));
        }
        pixels.extend(own);
    }
    Ok((width, pixels))
}

/// The next pixels; those of a bitmap need no space between them.
fn pixels_of<'a>(words: &mut impl Iterator<Item = &'a str>, is_bitmap: bool, count: usize) -> Result<Vec<String>> {
    let mut pixels = Vec::new();
    while pixels.len() < count {
        let word = words.next().ok_or_else(|| no_raster(format!("{} of {count} pixels are there", pixels.len())))?;
        if is_bitmap {
            pixels.extend(word.chars().map(String::from));
        } else {
            pixels.push(word.to_owned());
        }
    }
    if pixels.len() == count {
        return Ok(pixels);
    }
    Err(no_raster(format!("{} pixels stand where {count} belong", pixels.len())))
}

fn no_raster(what: String) -> Error {
    Error::data(what).expected("plain PBM or PGM images of one width: P1 or P2, width, height, and every pixel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        let text = "to be,\nor not — to be";
        let characters = Alphabet::of(text, Notation::Characters).expect("an alphabet");
        assert_eq!(characters.decode(&characters.encode(text).expect("symbols")).expect("a text"), text);
        let words = Alphabet::of(text, Notation::Words).expect("an alphabet");
        assert_eq!(words.len(), 6);
        assert_eq!(words.decode(&words.encode("be, or  not").expect("symbols")).expect("a text"), "be, or not");
        let error = words.encode("to do").expect_err("no symbol").to_string();
        assert!(error.contains("`do`") && error.contains("position 2"), "{error}");
        assert!(words.decode(&[6]).is_err() && Alphabet::of(" ", Notation::Words).is_err());
    }

    #[test]
    fn images_are_read_row_by_row() {
        let two = "P1\n# a corner\n3 2\n1 0 0\n110\nP1 3 1 0 0 1\n";
        let alphabet = Alphabet::of(two, Notation::Raster).expect("an alphabet");
        assert_eq!((alphabet.width(), alphabet.len()), (3, 2));
        let pixels = alphabet.encode(two).expect("pixels");
        assert_eq!(pixels, [1, 0, 0, 1, 1, 0, 0, 0, 1]);
        assert_eq!(alphabet.decode(&pixels[3..]).expect("rows"), "1 1 0\n0 0 1");
        let grey = Alphabet::of("P2 2 2 15 0 15 7 10", Notation::Raster).expect("an alphabet");
        assert_eq!((grey.name(1), grey.symbol("10")), (Some("7"), Some(2)));
        for (text, part) in [
            ("P3 1 1 1 0", "P3"),
            ("P1 2 2 1 0 1", "3 of 4"),
            ("P1 2 1 101", "3 pixels stand where 2"),
            ("P2 1 1 7 8", "`8`"),
            ("P1 x 1", "width"),
            ("P1 8589934592 8589934592 1", "8589934592 by 8589934592"),
            ("P1 2 1 10 P1 1 1 1", "1 pixels wide"),
        ] {
            let error = Alphabet::of(text, Notation::Raster).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
