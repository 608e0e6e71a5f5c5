//! Least squares of nested autoregressions: one triangular factor that holds the answer of every order.
//!
//! The columns of the design are `[1, t, x_{t-1}, .., x_{t-p}, x_t]`, the response last. With R'R the Gram matrix of
//! these columns, R upper triangular,
//!
//! ```text
//! RSS of the first k columns = sum_{j >= k} R_{j,last}^2       coefficients: R_kk b = R_{1..k,last}
//! ```
//!
//! so orders 0..p on a common sample cost one factorisation (Golub and Van Loan 2013, *Matrix Computations*, section
//! 5.3.8). R comes from a Cholesky factorisation of the Gram matrix of the centred columns, made in O(n p) by the
//! recursion G_{i+1,j+1} = G_{i,j} + first row - last row over the lagged products. That loses digits where columns
//! nearly depend on each other: a coefficient is off by about 1e-15 times its variance inflation factor
//! (X'X)_jj (X'X)^-1_jj (Marquardt 1970, *Technometrics* 12, p. 591). So the largest of these factors, and that of the
//! response, ||x_t||^2 / RSS, decide:
//!
//! | inflation | precision of the Gram matrix, its factor and the solution | error |
//! |---|---|---|
//! | up to 16 | doubles | 1e-14 |
//! | above | pairs of doubles, at five times the cost; values are centred only where that is exact | 1e-31 times the factor: the last digit, up to 1e15 |
//!
//! Householder QR of the rows would lose 1e-16 times the *root* of the factor at best, at thirty times the cost: pairs of
//! doubles are more exact up to factors of 1e30, where doubles cannot tell the columns apart, so there is no QR here.
//! Memory is O(p^2) beside the data. Matches R's `lm` and statsmodels' `AutoReg`, and exact arithmetic where those do not.

use nalgebra::DMatrix;

use super::autocovariance::{BLOCK, centred_blocks};
use super::double_double::DoubleDouble;
use super::real::Real;
use super::triangular::Upper;

/// The variance inflation up to which doubles are exact enough.
const EXACT_ENOUGH: f64 = 16.0;

/// The deterministic columns beside the lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deterministic {
    /// None.
    None,
    /// A constant.
    Constant,
    /// A constant and the time t = 1, 2, ..
    ConstantTrend,
}

impl Deterministic {
    /// The number of columns.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::None => 0,
            Self::Constant => 1,
            Self::ConstantTrend => 2,
        }
    }
}

/// The factor of a design with all lags up to p, over the rows that have all of them.
#[derive(Debug, Clone)]
pub struct LagRegression<'a> {
    segments: Vec<Segment<'a>>,
    deterministic: Deterministic,
    lags: usize,
    rows: usize,
    centre: Centre,
    /// The upper triangular factor of `[deterministic, lags, response]`, in centred units.
    r: Upper<f64>,
    /// The same in pairs of doubles, where doubles are not enough.
    exact: Option<Upper<DoubleDouble>>,
}

/// The precision of a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Doubles.
    Double,
    /// Pairs of doubles.
    DoubleDouble,
}

/// Where values and times are measured from: x' = x - level, t' = t - middle.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centre {
    level: f64,
    middle: f64,
}

/// The answer for one order, in the units of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// c, then b of the time t = 1, 2, .. where the design has them, then phi_1..phi_p.
    pub coefficients: Vec<f64>,
    /// The diagonal of (X'X)^-1, in the same order: times sigma^2 the variances of the coefficients.
    pub inverse_diagonal: Vec<f64>,
    /// The residual sum of squares.
    pub rss: f64,
}

/// A stretch of known values and the time (1, 2, ..) of its first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment<'a> {
    /// The values, more than there are lags.
    pub x: &'a [f64],
    /// The time of the first.
    pub time: f64,
}

impl<'a> LagRegression<'a> {
    /// The factor over all rows of all segments.
    ///
    /// # Panics
    /// If a segment has no row with all lags.
    #[must_use]
    pub fn new(segments: Vec<Segment<'a>>, deterministic: Deterministic, lags: usize) -> Self {
        assert!(segments.iter().all(|segment| segment.x.len() > lags), "a segment needs a row with {lags} lags");
        let centre = Centre::of(&segments, deterministic);
        let rows = segments.iter().map(|segment| segment.x.len() - lags).sum();
        let mut regression = Self { segments, deterministic, lags, rows, centre, r: Upper::zeros(0), exact: None };
        let gram = regression.gram();
        regression.r = gram.cholesky();
        if !is_well_conditioned(&gram, &regression.r) {
            regression.factor_exactly();
        }
        regression
    }

    fn factor_exactly(&mut self) {
        self.centre = self.centre.exact(&self.segments);
        let r = self.gram::<DoubleDouble>().cholesky();
        self.r = r.rounded();
        self.exact = Some(r);
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the factor was made in.
    #[must_use]
    pub fn precision(&self) -> Precision {
        if self.exact.is_some() { Precision::DoubleDouble } else { Precision::Double }
    }

    /// The residual sum of squares of an order on the common rows.
    #[must_use]
    pub fn rss(&self, order: usize) -> f64 {
        self.response()[self.deterministic.width() + order..].iter().map(|r| r * r).sum()
    }

    fn response(&self) -> &[f64] {
        self.r.column(self.r.width() - 1)
    }

    /// The largest order whose columns are linearly independent, to a relative 1e-12 of each column's length; at most
    /// as many columns as rows.
    #[must_use]
    pub fn rank_order(&self) -> usize {
        let first = self.deterministic.width();
        let independent = |order: usize| {
            let column = first + order - 1;
            let length = self.r.squared_length(column).sqrt();
            self.r.at(column, column).abs() > 1e-12 * length && first + order <= self.rows
        };
        (1..=self.lags).take_while(|&order| independent(order)).count()
    }

    /// The coefficients of an order up to [`rank_order`](Self::rank_order).
    ///
    /// # Panics
    /// If the order is above the number of lags.
    #[must_use]
    pub fn solve(&self, order: usize) -> Solution {
        assert!(order <= self.lags, "the design has {} lags", self.lags);
        match &self.exact {
            Some(r) => self.solution(r, order),
            None => self.solution(&self.r, order),
        }
    }

    /// (X'X)^-1 of an order up to [`rank_order`](Self::rank_order), in the units of the data.
    ///
    /// # Panics
    /// If the order is above the number of lags.
    #[must_use]
    pub fn inverse(&self, order: usize) -> DMatrix<f64> {
        assert!(order <= self.lags, "the design has {} lags", self.lags);
        let width = self.deterministic.width() + order;
        match &self.exact {
            Some(r) => self.full_inverse(&r.inverse(width)),
            None => self.full_inverse(&self.r.inverse(width)),
        }
    }

    /// The trailing block of R that belongs to the lags and the response: the factor of what the deterministic columns
    /// leave of them.
    #[must_use]
    pub fn lag_factor(&self) -> DMatrix<f64> {
        let first = self.deterministic.width();
        let entry = |i: usize, j: usize| if i <= j { self.r.at(first + i, first + j) } else { 0.0 };
        DMatrix::from_fn(self.lags + 1, self.lags + 1, entry)
    }

    fn solution<T: Real>(&self, r: &Upper<T>, order: usize) -> Solution {
        let width = self.deterministic.width() + order;
        let mut b = r.solve(width, r.column(r.width() - 1));
        self.back_transform(&mut b);
        if self.deterministic != Deterministic::None {
            b[0] = b[0] + T::from(self.centre.level);
        }
        Solution {
            coefficients: b.iter().map(|b| b.value()).collect(),
            inverse_diagonal: self.inverse_diagonal(&r.inverse(width)),
            rss: self.rss(order),
        }
    }

    /// The linear part of the way from centred units to the data's, for the leading coefficients:
    /// c = c' - middle b - level sum phi (+ level).
    fn back_transform<T: Real>(&self, b: &mut [T]) {
        let (deterministic, phi) = b.split_at_mut(self.deterministic.width().min(b.len()));
        let moved = phi.iter().fold(T::from(0.0), |moved, phi| moved + T::from(self.centre.level) * *phi);
        match deterministic {
            [] => {}
            [c] => *c = *c - moved,
            [c, b, ..] => *c = *c - moved - T::from(self.centre.middle) * *b,
        }
    }

    /// The columns of A R^-1, A the back transformation: (X'X)^-1 in the data's units is the sum of their outer
    /// products.
    fn root<T: Real>(&self, inverse: &Upper<T>) -> impl Iterator<Item = Vec<T>> {
        (0..inverse.width()).map(|j| {
            let mut column = inverse.column(j).to_vec();
            self.back_transform(&mut column);
            column
        })
    }

    fn inverse_diagonal<T: Real>(&self, inverse: &Upper<T>) -> Vec<f64> {
        let mut squares = vec![T::from(0.0); inverse.width()];
        for column in self.root(inverse) {
            squares.iter_mut().zip(&column).for_each(|(square, entry)| *square = *square + *entry * *entry);
        }
        squares.iter().map(|square| square.value()).collect()
    }

    /// Summed in doubles: the root has all its digits, and a sum of products loses none beside the diagonal.
    fn full_inverse<T: Real>(&self, inverse: &Upper<T>) -> DMatrix<f64> {
        let width = inverse.width();
        let mut root = DMatrix::zeros(width, width);
        for (j, column) in self.root(inverse).enumerate() {
            column.iter().enumerate().for_each(|(i, entry)| root[(i, j)] = entry.value());
        }
        &root * root.transpose()
    }

    /// The Gram matrix of the centred columns.
    fn gram<T: Real>(&self) -> Upper<T> {
        let first = self.deterministic.width();
        let last = first + self.lags;
        // The response is lag 0, but stands last.
        let column = |lag: usize| if lag == 0 { last } else { first + lag - 1 };
        let mut gram = Upper::zeros(last + 1);
        let mut add = |a: usize, b: usize, sum: T| {
            let entry = gram.at_mut(a.min(b), a.max(b));
            *entry = *entry + sum;
        };
        for segment in &self.segments {
            let sums = SegmentSums::of(segment, self.centre, first, self.lags);
            let stretch = Stretch { segment, centre: self.centre, lags: self.lags };
            stretch.lag_products(&sums.lagged, |i, j, sum| add(column(i), column(j), sum));
            if first > 0 {
                stretch.constant_products(sums.constant, |lag, sum| add(0, column(lag), sum));
                add(0, 0, T::from((segment.x.len() - self.lags) as f64));
            }
            if first > 1 {
                stretch.time_products(sums.constant, sums.time, |lag, sum| add(1, column(lag), sum));
                add(0, 1, sums.times);
                add(1, 1, sums.squared_times);
            }
        }
        gram
    }
}

/// What one pass over the rows t of a segment gives: the sums that stand at the start of the recursions.
struct SegmentSums<T> {
    /// sum x_t x_{t-k}, k = 0..p.
    lagged: Vec<T>,
    /// sum x_t.
    constant: T,
    /// sum t' x_t.
    time: T,
    /// sum t'.
    times: T,
    /// sum t'^2.
    squared_times: T,
}

impl<T: Real> SegmentSums<T> {
    fn of(segment: &Segment<'_>, centre: Centre, deterministic: usize, lags: usize) -> Self {
        let mut lagged = vec![T::from(0.0); lags + 1];
        let [mut constant, mut time, mut times, mut squared_times] = [T::from(0.0); 4];
        let (ones, mut block_times) = (vec![1.0; BLOCK], Vec::with_capacity(BLOCK));
        let add = |sum: &mut T, a: &[f64], b: &[f64]| T::add_lagged_products(a, b, std::slice::from_mut(sum));
        centred_blocks(segment.x, centre.level, lags, lags, |start, now, past| {
            T::add_lagged_products(now, past, &mut lagged);
            let ones = &ones[..now.len()];
            if deterministic > 0 {
                add(&mut constant, ones, now);
            }
            if deterministic > 1 {
                block_times.clear();
                block_times.extend((start..start + now.len()).map(|t| segment.time + t as f64 - centre.middle));
                add(&mut time, &block_times, now);
                add(&mut times, ones, &block_times);
                add(&mut squared_times, &block_times, &block_times);
            }
        });
        Self { lagged, constant, time, times, squared_times }
    }
}

/// The recursions over a segment's rows: with one lag more, a row enters at the start and one leaves at the end.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    segment: &'a Segment<'a>,
    centre: Centre,
    lags: usize,
}

impl Stretch<'_> {
    fn at(&self, t: usize) -> f64 {
        self.segment.x[t] - self.centre.level
    }

    fn time(&self, t: usize) -> f64 {
        self.segment.time + t as f64 - self.centre.middle
    }

    /// The times of the row that enters and of the one that leaves as the lag grows to `lag` + 1.
    fn moved(&self, lag: usize) -> (usize, usize) {
        (self.lags - 1 - lag, self.segment.x.len() - 1 - lag)
    }

    /// sum_t x_{t-i} x_{t-j} for 0 <= i <= j <= p, given those with i = 0.
    fn lag_products<T: Real>(&self, lagged: &[T], mut use_product: impl FnMut(usize, usize, T)) {
        for (distance, &sum) in lagged.iter().enumerate() {
            let mut sum = sum;
            use_product(0, distance, sum);
            for i in 0..self.lags - distance {
                let (enters, leaves) = self.moved(i);
                sum = sum + T::product(self.at(enters), self.at(enters - distance))
                    - T::product(self.at(leaves), self.at(leaves - distance));
                use_product(i + 1, i + 1 + distance, sum);
            }
        }
    }

    /// sum_t x_{t-i} for i = 0..p, given that with i = 0.
    fn constant_products<T: Real>(&self, mut sum: T, mut use_product: impl FnMut(usize, T)) {
        use_product(0, sum);
        for lag in 0..self.lags {
            sum = self.with_one_lag_more(sum, lag);
            use_product(lag + 1, sum);
        }
    }

    fn with_one_lag_more<T: Real>(&self, sum: T, lag: usize) -> T {
        let (enters, leaves) = self.moved(lag);
        sum + T::from(self.at(enters)) - T::from(self.at(leaves))
    }

    /// sum_t t' x_{t-i} for i = 0..p, given sum x_t and that with i = 0: sum t' x_{t-i-1} = sum (s + 1)' x_{s-i} over
    /// rows moved by one.
    fn time_products<T: Real>(&self, mut sum: T, mut with_time: T, mut use_product: impl FnMut(usize, T)) {
        use_product(0, with_time);
        for lag in 0..self.lags {
            let (enters, leaves) = self.moved(lag);
            let (first, last) = (self.time(self.lags - 1), self.time(self.segment.x.len() - 1));
            sum = self.with_one_lag_more(sum, lag);
            with_time = with_time + T::product(first, self.at(enters)) - T::product(last, self.at(leaves)) + sum;
            use_product(lag + 1, with_time);
        }
    }
}

impl Centre {
    fn of(segments: &[Segment<'_>], deterministic: Deterministic) -> Self {
        if deterministic == Deterministic::None {
            // Without an intercept the origin of the data is part of the model.
            return Self { level: 0.0, middle: 0.0 };
        }
        let mean = super::autocovariance::mean(segments.iter().map(|segment| segment.x));
        let level = if mean.is_finite() { mean } else { 0.0 };
        let last = segments.iter().map(|segment| segment.time + segment.x.len() as f64).fold(2.0, f64::max);
        // Whole, so that times are exact.
        Self { level, middle: (0.5 * last).floor() }
    }

    /// The same centre if every x - level is a double: so it is for all x between level / 2 and 2 level. Otherwise the
    /// level is small enough beside the range of the values to stay 0.
    fn exact(self, segments: &[Segment<'_>]) -> Self {
        let is_exact = |x: &f64| DoubleDouble::sum(*x, -self.level).is_double();
        let level = if segments.iter().all(|segment| segment.x.iter().all(is_exact)) { self.level } else { 0.0 };
        Self { level, ..self }
    }
}

/// Whether no variance inflation factor is large, and that of the response is not. (A dependent column makes them infinite
/// or not a number.)
fn is_well_conditioned(gram: &Upper<f64>, r: &Upper<f64>) -> bool {
    let last = r.width() - 1;
    let inverse = r.inverse(last);
    let inflation = |i: usize| gram.at(i, i) * (i..last).map(|j| inverse.at(i, j).powi(2)).sum::<f64>();
    let of_response = gram.at(last, last) / r.at(last, last).powi(2);
    of_response <= EXACT_ENOUGH && (0..last).all(|i| inflation(i) <= EXACT_ENOUGH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wavy(n: usize) -> Vec<f64> {
        (0..n).map(|t| 50.0 + (0.37 * t as f64).sin() + ((t * t) % 17) as f64 / 5.0 + 0.01 * t as f64).collect()
    }

    fn whole(x: &[f64]) -> Vec<Segment<'_>> {
        vec![Segment { x, time: 1.0 }]
    }

    /// The textbook: an explicit design and the normal equations' residuals.
    fn explicit(x: &[f64], deterministic: Deterministic, p: usize) -> (Vec<f64>, DMatrix<f64>, f64) {
        let rows: Vec<usize> = (p..x.len()).filter(|&t| (t - p..=t).all(|s| !x[s].is_nan())).collect();
        let width = deterministic.width() + p;
        let design = DMatrix::from_fn(rows.len(), width, |i, j| match j {
            0 if deterministic.width() > 0 => 1.0,
            1 if deterministic.width() > 1 => rows[i] as f64 + 1.0,
            _ => x[rows[i] - (j - deterministic.width() + 1)],
        });
        let y = DMatrix::from_fn(rows.len(), 1, |i, _| x[rows[i]]);
        let svd = design.clone().svd(true, true);
        let b = svd.solve(&y, 0.0).expect("both factors");
        let inverse = svd.pseudo_inverse(0.0).expect("both factors");
        (b.as_slice().to_vec(), &inverse * inverse.transpose(), (&y - &design * &b).norm_squared())
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance * b.abs().max(1e-3), "{a} {b}");
        }
    }

    #[test]
    fn agrees_with_an_explicit_design_for_every_trend_and_with_gaps() {
        let mut gappy = wavy(200);
        gappy[60] = f64::NAN;
        let gapless = wavy(120);
        let split = vec![Segment { x: &gappy[..60], time: 1.0 }, Segment { x: &gappy[61..], time: 62.0 }];
        for (x, segments) in [(&gapless, whole(&gapless)), (&gappy, split)] {
            for deterministic in [Deterministic::None, Deterministic::Constant, Deterministic::ConstantTrend] {
                for p in [0, 1, 4] {
                    if deterministic.width() + p == 0 {
                        continue;
                    }
                    let regression = LagRegression::new(segments.clone(), deterministic, p);
                    let solution = regression.solve(p);
                    let (b, inverse, rss) = explicit(x, deterministic, p);
                    close(&solution.coefficients, &b, 1e-9);
                    close(&solution.inverse_diagonal, inverse.diagonal().as_slice(), 1e-8);
                    close(regression.inverse(p).as_slice(), inverse.as_slice(), 1e-8);
                    close(&[solution.rss], &[rss], 1e-10);
                }
            }
        }
    }

    #[test]
    fn smaller_orders_come_from_the_same_factor() {
        let x = wavy(80);
        let all = LagRegression::new(whole(&x), Deterministic::Constant, 6);
        for p in 0..=6 {
            // The common sample leaves out 6 - p further rows at the start.
            let own = LagRegression::new(whole(&x[6 - p..]), Deterministic::Constant, p);
            close(&[all.rss(p)], &[own.rss(p)], 1e-10);
            close(&all.solve(p).coefficients, &own.solve(p).coefficients, 1e-9);
        }
    }

    /// Integers from -100 to 100.
    fn draws(n: usize) -> Vec<i64> {
        let next = |state: &mut i64| {
            *state = (*state * 1_103_515_245 + 12_345) % (1 << 31);
            Some((*state >> 16) % 201 - 100)
        };
        let mut state = 1;
        std::iter::from_fn(|| next(&mut state)).take(n).collect()
    }

    fn sums(x: &[i64], start: i64) -> Vec<i64> {
        x.iter()
            .scan(start, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .collect()
    }

    /// Series of 600 values that doubles hold exactly.
    fn hard(name: &str) -> Vec<f64> {
        let e = draws(600);
        let float = |x: Vec<i64>, unit: f64| x.iter().map(|x| *x as f64 * unit).collect();
        match name {
            "level" => {
                let fall = |x: &mut i64, e: &i64| {
                    *x = (*x * 4).div_euclid(5) + e;
                    Some(1_000_000 + *x)
                };
                float(e.iter().scan(0, fall).collect(), 1.0)
            }
            "walk" => float(sums(&e, 0), 0.125),
            "far walk" => float(sums(&e, 1_000_000_000), 1.0),
            "twice" => float(sums(&sums(&e, 0), 0), 1.0),
            _ => (0..).zip(&e).map(|(t, e)| (1e9 * (0.05 * f64::from(t)).sin()).round() + *e as f64).collect(),
        }
    }

    /// The exact answers for three lags and a constant, by elimination in Python's `fractions` on the same integers:
    /// c and phi, the diagonal of (X'X)^-1, and the residual sum of squares.
    #[test]
    fn hard_series_are_solved_to_the_last_digits() {
        let cases = [
            (
                "level",
                [164160.43861044364, 0.8162568658006787, -0.0005534055682274994, 0.020134925432226874],
                [175543.83276358875, 4.7387844808173824e-07, 7.90265382272972e-07, 4.7481950508115636e-07],
                2107991.6547149452,
            ),
            (
                "walk",
                [-0.04485463317711692, 1.0175953277766048, -0.0037237500423506994, -0.01819673207465604],
                [0.0018026022560263298, 3.0305778593983027e-05, 6.172215204884677e-05, 3.0480893496601857e-05],
                32965.19663145346,
            ),
            (
                "far walk",
                [4325153.9815648375, 1.0175953277766048, -0.0037237500423506994, -0.01819673207465604],
                [5199147554.128011, 4.735277905309848e-07, 9.644086257632308e-07, 4.76263960884404e-07],
                2109772.5844130213,
            ),
            (
                "twice",
                [12.373298429676137, 2.0067232863773508, -1.021113989230764, 0.014278370630432838],
                [0.008628221177450497, 4.786162487018574e-07, 1.9060174654275197e-06, 4.773057132909223e-07],
                2086568.0593907374,
            ),
            (
                "sine",
                [0.03610721692085263, 1.3382610722276609, 0.3168311470877365, -0.6592394536280635],
                [0.0016828223069959923, 8.063275774147414e-08, 3.217253756045105e-07, 8.063275799967608e-08],
                7016995.150552966,
            ),
        ];
        for (name, b, diagonal, rss) in cases {
            let x = hard(name);
            let regression = LagRegression::new(whole(&x), Deterministic::Constant, 3);
            // Doubles keep their digits beside the largest coefficient, pairs of them in every one.
            let (precision, tolerance, size) = match name {
                "level" => (Precision::Double, 1e-14, 1.0),
                _ => (Precision::DoubleDouble, 5e-16, 0.0),
            };
            assert_eq!(regression.precision(), precision, "{name}");
            let solution = regression.solve(3);
            let coefficients = solution.coefficients.iter().zip(&b).map(|(found, exact)| (found, exact, size));
            let diagonal = solution.inverse_diagonal.iter().zip(&diagonal).map(|(found, exact)| (found, exact, 0.0));
            for (found, exact, size) in coefficients.chain(diagonal).chain([(&solution.rss, &rss, 0.0)]) {
                assert!((found - exact).abs() <= tolerance * exact.abs().max(size), "{name}: {found} {exact}");
            }
        }
    }

    #[test]
    fn a_trend_beside_a_unit_root_is_exact() {
        // As above, with the time t = 1, 2, .. as a column and two lags.
        let exact = [11454605.685769804, -0.037553902808970564, 1.0102350249627867, -0.021689618670022122];
        let x = hard("far walk");
        let solution = LagRegression::new(whole(&x), Deterministic::ConstantTrend, 2).solve(2);
        for (found, exact) in solution.coefficients.iter().zip(&exact) {
            assert!((found / exact - 1.0).abs() < 5e-16, "{found} {exact}");
        }
    }

    #[test]
    fn a_level_that_cannot_be_taken_off_exactly_stays() {
        let x = hard("walk");
        let centre = Centre::of(&whole(&x), Deterministic::Constant);
        assert_eq!(centre.exact(&whole(&x)).level, 0.0);
        let x = hard("far walk");
        let centre = Centre::of(&whole(&x), Deterministic::Constant);
        assert_eq!(centre.exact(&whole(&x)), centre);
    }

    #[test]
    fn collinear_lags_have_no_rank() {
        let line: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(LagRegression::new(whole(&line), Deterministic::Constant, 5).rank_order(), 1);
        assert_eq!(LagRegression::new(whole(&[3.0; 50]), Deterministic::Constant, 5).rank_order(), 0);
    }
}
