//! Roots of increasing functions: Newton's steps, guarded by bisection.

/// More steps than bisection needs from any bracket of floating point numbers to the last bit, but for roots near zero.
const MOST_STEPS: usize = 200;

/// The root of an increasing function inside [low, high], where `at` gives value and slope.
///
/// A Newton step that leaves the bracket, or is not half as long as the one before it, is replaced by bisection, so the
/// answer never depends on the shape of the function, only the number of steps does (Press, Teukolsky, Vetterling and
/// Flannery 2007, *Numerical Recipes*, section 9.4). Ends where a step is below the rounding of x or of `scale`, the
/// length over which the function changes.
///
/// ```
/// use foretoken::math::root_finding::increasing_root;
///
/// let root = increasing_root(0.0, 2.0, 1.0, |x| (x * x - 2.0, 2.0 * x));
/// assert!((root - 2.0_f64.sqrt()).abs() < 1e-15);
/// ```
#[must_use]
pub fn increasing_root(mut low: f64, mut high: f64, scale: f64, at: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut x = 0.5 * (low + high);
    let mut last_step = high - low;
    for _ in 0..MOST_STEPS {
        let (value, slope) = at(x);
        if value > 0.0 {
            high = x
        } else {
            low = x
        }
        let newton = x - value / slope;
        // False as well where the slope is zero or not a number.
        let is_safe = newton >= low && newton <= high && (newton - x).abs() <= 0.5 * last_step;
        let next = if is_safe { newton } else { 0.5 * (low + high) };
        last_step = (next - x).abs();
        x = next;
        if last_step <= f64::EPSILON * (x.abs() + scale) {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn roots_are_found_where_newton_alone_would_leave() {
        // Newton's steps on the arctangent diverge from beyond 1.39.
        let arctangent = |x: f64| ((x - 3.0).atan(), 1.0 / (1.0 + (x - 3.0).powi(2)));
        assert!((increasing_root(-1e6, 5e6, 1.0, arctangent) - 3.0).abs() < 1e-14);
        // A step without a slope.
        let step = |x: f64| (if x < 0.3 { -1.0 } else { 1.0 }, 0.0);
        assert!((increasing_root(0.0, 1.0, 1.0, step) - 0.3).abs() < 1e-15);
    }

    #[test]
    fn smooth_functions_take_few_steps() {
        let steps = Cell::new(0);
        let cubic = |x: f64| {
            steps.set(steps.get() + 1);
            (x.powi(3) + x - 10.0, 3.0 * x * x + 1.0)
        };
        assert!((increasing_root(0.0, 10.0, 1.0, cubic) - 2.0).abs() < 1e-15);
        assert!(steps.get() <= 10, "{}", steps.get());
    }
}
