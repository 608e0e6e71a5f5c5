//! Extents of data, positions on an axis, and ticks on round numbers.

use super::figure::Scale;

/// The largest magnitude that is drawn. Above it, the length of an axis could overflow.
const LARGEST: f64 = 1e300;

/// Whether a value can be placed on an axis; NaN and infinities cannot.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// The least and the greatest value of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Extent {
    pub(super) lo: f64,
    pub(super) hi: f64,
}

impl Extent {
    pub(super) const EMPTY: Self = Self { lo: f64::INFINITY, hi: f64::NEG_INFINITY };

    pub(super) fn include(&mut self, value: f64) {
        if drawable(value) {
            self.lo = self.lo.min(value);
            self.hi = self.hi.max(value);
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    pub(super) fn is_empty(self) -> bool {
        self.lo > self.hi
    }

    pub(super) fn span(self) -> f64 {
        self.hi - self.lo
    }

    fn magnitude(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// This extent, widened where it holds nothing or (to the precision of a label) one value.
    pub(super) fn opened(self, scale: Scale) -> Self {
        if self.is_empty() {
            return Self { lo: 0.0, hi: 1.0 };
        }
        let (narrow, half) = match scale {
            Scale::Number if self.magnitude() < 1e-290 => (1e-300, 1.0),
            Scale::Number => (1e-9 * self.magnitude(), 0.1 * self.magnitude()),
            // A millisecond; floating point holds no more of a time of today.
            Scale::Time => (1e-3_f64.max(1e-9 * self.magnitude() / 1e3), 43_200.0_f64.max(1e-6 * self.magnitude())),
        };
        if self.span() > narrow { self } else { Self { lo: self.lo - half, hi: self.hi + half } }
    }

    /// An extent of another length about the same middle.
    pub(super) fn centred(self, span: f64) -> Self {
        let middle = 0.5 * (self.lo + self.hi);
        Self { lo: middle - 0.5 * span, hi: middle + 0.5 * span }
    }

    /// This extent with a margin of `share` of its length on both sides, which never crosses zero.
    pub(super) fn padded(self, share: f64) -> Self {
        let margin = share * self.span();
        let lo = if self.lo >= 0.0 { (self.lo - margin).max(0.0) } else { self.lo - margin };
        let hi = if self.hi <= 0.0 { (self.hi + margin).min(0.0) } else { self.hi + margin };
        Self { lo, hi }
    }
}

/// An extent on a stretch of pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) extent: Extent,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    pub(super) fn place(&self, value: f64) -> f64 {
        self.from + (value - self.extent.lo) / self.extent.span() * (self.to - self.from)
    }
}

/// A labelled position. `below` is a second line that says what several ticks have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
    pub(super) below: Option<String>,
}

/// Which multiples of a power of ten are steps between ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// 1, 2, 2.5 and 5.
    Fine,
    /// 1, 2 and 5, for axes that often count.
    Counting,
}

/// At most about `most` ticks on round numbers. The extent must be [opened](Extent::opened).
pub(super) fn number_ticks(extent: Extent, most: usize, steps: Steps) -> Vec<Tick> {
    let step = Step::at_least(extent.span() / most.max(1) as f64, steps);
    let (first, last) = ((extent.lo / step.size - 1e-9).ceil() as i64, (extent.hi / step.size + 1e-9).floor() as i64);
    let values: Vec<f64> = (first..=last).map(|count| count as f64 * step.size).collect();
    let style = Style::of(extent.magnitude(), step);
    values.into_iter().map(|at| Tick { at, label: style.label(at), below: None }).collect()
}

#[derive(Debug, Clone, Copy)]
struct Step {
    size: f64,
    /// The number of decimals that tell multiples of the step apart; negative for steps of tens.
    decimals: i32,
}

impl Step {
    /// The smallest round step that is at least `least`.
    fn at_least(least: f64, steps: Steps) -> Self {
        let exponent = least.log10().floor() as i32;
        let power = 10f64.powi(exponent);
        let (multiple, more) = [(1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0)]
            .into_iter()
            .filter(|(multiple, _)| steps == Steps::Fine || *multiple != 2.5)
            .find(|(multiple, _)| multiple * power >= least * (1.0 - 1e-9))
            .unwrap_or((10.0, -1));
        Self { size: multiple * power, decimals: more - exponent }
    }
}

/// How all numbers of one axis are written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Style {
    decimals: usize,
    notation: Notation,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Notation {
    /// 12,500
    Grouped,
    /// 12.5M
    Unit(f64, char),
    /// 1.25×10⁻⁷
    Power(i32),
}

impl Style {
    fn of(magnitude: f64, step: Step) -> Self {
        const UNITS: [(f64, i32, char); 3] = [(1e12, 12, 'T'), (1e9, 9, 'B'), (1e6, 6, 'M')];
        let exact = |decimals: i32| decimals.max(0) as usize;
        if !(1e-3..1e16).contains(&magnitude) {
            let exponent = magnitude.log10().floor() as i32;
            return Self { decimals: exact(step.decimals + exponent), notation: Notation::Power(exponent) };
        }
        // Units from ten million on, where their labels are the shorter ones.
        let unit = UNITS.iter().find(|(size, ..)| magnitude >= 1e7 && magnitude >= *size);
        match unit {
            Some((size, exponent, name)) if step.decimals + exponent <= 3 => {
                Self { decimals: exact(step.decimals + exponent), notation: Notation::Unit(*size, *name) }
            }
            _ => Self { decimals: exact(step.decimals), notation: Notation::Grouped },
        }
    }

    fn label(&self, value: f64) -> String {
        let digits = |value: f64| format!("{:.*}", self.decimals, value.abs());
        let body = match self.notation {
            _ if value == 0.0 => "0".to_owned(),
            Notation::Grouped => grouped(&digits(value)),
            Notation::Unit(size, name) => format!("{}{name}", digits(value / size)),
            Notation::Power(exponent) => {
                format!("{}×10{}", digits(value / 10f64.powi(exponent)), superscript(exponent))
            }
        };
        if value < 0.0 { format!("−{body}") } else { body }
    }
}

/// `digits` with a comma between thousands, from five digits on: four are read at once, and may be a year.
fn grouped(digits: &str) -> String {
    let whole = digits.find('.').unwrap_or(digits.len());
    if whole <= 4 {
        return digits.to_owned();
    }
    let mut text = String::with_capacity(digits.len() + whole / 3);
    for (position, digit) in digits.char_indices() {
        if position > 0 && position < whole && (whole - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |character: char| character.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    exponent.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(lo: f64, hi: f64, most: usize) -> Vec<String> {
        number_ticks(Extent { lo, hi }, most, Steps::Fine).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_stand_on_round_numbers() {
        assert_eq!(labels(0.0, 1.0, 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-1.0, 1.0, 4), ["−1.0", "−0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(0.0, 9.0, 4), ["0", "2.5", "5.0", "7.5"]);
        assert_eq!(labels(104.0, 622.0, 6), ["200", "300", "400", "500", "600"]);
        assert_eq!(labels(9_000.0, 31_000.0, 3), ["10,000", "20,000", "30,000"]);
        let counted = number_ticks(Extent { lo: 0.0, hi: 9.0 }, 4, Steps::Counting);
        assert_eq!(counted.iter().map(|tick| tick.at).collect::<Vec<_>>(), [0.0, 5.0]);
    }

    #[test]
    fn large_and_small_numbers_stay_readable() {
        assert_eq!(labels(0.0, 3e7, 3), ["0", "10M", "20M", "30M"]);
        assert_eq!(labels(0.0, 3e9, 2), ["0", "2B"]);
        assert_eq!(labels(0.0, 2e-7, 2), ["0", "1×10⁻⁷", "2×10⁻⁷"]);
        assert_eq!(labels(-1e300, 1e300, 2), ["−1×10³⁰⁰", "0", "1×10³⁰⁰"]);
        assert_eq!(labels(1e9, 1e9 + 4.0, 2), ["1,000,000,000", "1,000,000,002", "1,000,000,004"]);
    }

    #[test]
    fn labels_do_not_repeat() {
        for exponent in (-299..299).step_by(13) {
            for offset in [0.0, 1.0, 1e3, 1e7] {
                let size = 10f64.powi(exponent);
                let extent = Extent { lo: offset * size, hi: (offset + 3.7) * size }.opened(Scale::Number);
                let ticks = number_ticks(extent, 6, Steps::Fine);
                assert!((2..=8).contains(&ticks.len()), "{extent:?}: {ticks:?}");
                assert!(ticks.windows(2).all(|pair| pair[0].label != pair[1].label), "{ticks:?}");
            }
        }
    }

    #[test]
    fn a_constant_and_nothing_open_to_a_length() {
        for value in [0.0, 112.0, -3.0, 1e300, 1e-300, 1e-320] {
            let mut extent = Extent::EMPTY;
            extent.include(value);
            let opened = extent.opened(Scale::Number);
            assert!(opened.lo < value && value < opened.hi, "{value}: {opened:?}");
            assert!(!number_ticks(opened, 5, Steps::Fine).is_empty(), "{value}");
        }
        let mut extent = Extent::EMPTY;
        [f64::NAN, f64::INFINITY, f64::MIN].into_iter().for_each(|value| extent.include(value));
        assert!(extent.is_empty());
        assert_eq!(extent.opened(Scale::Time), Extent { lo: 0.0, hi: 1.0 });
    }

    #[test]
    fn padding_does_not_cross_zero() {
        assert_eq!(Extent { lo: 0.1, hi: 10.0 }.padded(0.05).lo, 0.0);
        assert!(Extent { lo: -0.1, hi: 10.0 }.padded(0.05).lo < -0.1);
        assert_eq!(Extent { lo: -10.0, hi: -0.1 }.padded(0.05).hi, 0.0);
    }
}
