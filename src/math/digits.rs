//! Numbers as text for readers.

/// A number with about five significant digits and never fewer than its integer part has; nothing for NaN.
///
/// ```
/// assert_eq!(foretoken::math::digits::short(0.012345678), "0.012346");
/// ```
#[must_use]
pub fn short(x: f64) -> String {
    if x.is_nan() {
        return String::new();
    }
    let size = x.abs();
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{x:.4e}");
    }
    let decimals = (4 - size.log10().floor() as i32).clamp(0, 8) as usize;
    format!("{x:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_five_digits() {
        let shown = [112.0, 0.012345678, 1234567.8, -3.5, 0.0, 1e12, f64::NAN].map(short);
        assert_eq!(shown, ["112.00", "0.012346", "1234568", "-3.5000", "0", "1.0000e12", ""]);
    }
}
