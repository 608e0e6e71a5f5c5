//! The map from a family's own variable to data units: y = s * ginv(a + b z).

/// The link g that takes data (divided by their scale) to the units a model works in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// g(u) = u.
    Identity,
    /// g(u) = ln u, for u > 0.
    Log,
    /// g(u) = (u^lambda - 1) / lambda, for u > 0 and lambda != 0 (Box and Cox 1964, J. R. Stat. Soc. B 26, p. 214).
    BoxCox(f64),
}

impl Link {
    /// g(u); NaN outside the domain.
    #[must_use]
    pub fn apply(self, u: f64) -> f64 {
        match self {
            Self::Identity => u,
            Self::Log if u > 0.0 => u.ln(),
            // expm1 keeps the digits where lambda ln u is small.
            Self::BoxCox(lambda) if u > 0.0 => (lambda * u.ln()).exp_m1() / lambda,
            Self::Log | Self::BoxCox(_) => f64::NAN,
        }
    }

    /// The inverse, clamped to the domain: a Box-Cox value beyond -1/lambda gives 0 (lambda > 0) or infinity.
    #[must_use]
    pub fn invert(self, w: f64) -> f64 {
        match self {
            Self::Identity => w,
            Self::Log => w.exp(),
            Self::BoxCox(lambda) => {
                let base = lambda * w;
                if base > -1.0 {
                    (base.ln_1p() / lambda).exp()
                } else if lambda > 0.0 {
                    0.0
                } else {
                    f64::INFINITY
                }
            }
        }
    }

    /// ln g'(u), the logarithm of the Jacobian of the link.
    #[must_use]
    pub fn log_slope(self, u: f64) -> f64 {
        match self {
            Self::Identity => 0.0,
            Self::Log => -u.ln(),
            Self::BoxCox(lambda) => (lambda - 1.0) * u.ln(),
        }
    }

    /// Whether u has an image under the link.
    #[must_use]
    pub fn is_in_domain(self, u: f64) -> bool {
        matches!(self, Self::Identity) || u > 0.0
    }
}

/// y = scale * ginv(shift + factor * z), increasing in z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OuterMap {
    /// The link g.
    pub link: Link,
    /// a, in link units: what differencing adds back.
    pub shift: f64,
    /// b > 0, link units per unit of z.
    pub factor: f64,
    /// s > 0, in data units: a multiplicative seasonal factor, or 1.
    pub scale: f64,
}

impl OuterMap {
    /// y = z.
    pub const IDENTITY: Self = Self { link: Link::Identity, shift: 0.0, factor: 1.0, scale: 1.0 };

    /// From z to y.
    #[must_use]
    pub fn forward(&self, z: f64) -> f64 {
        self.scale * self.link.invert(self.shift + self.factor * z)
    }

    /// From y to z; NaN outside the domain of the link.
    #[must_use]
    pub fn backward(&self, y: f64) -> f64 {
        (self.link.apply(y / self.scale) - self.shift) / self.factor
    }

    /// ln |dz/dy| at y: what turns a density of z into a density of y.
    #[must_use]
    pub fn log_jacobian(&self, y: f64) -> f64 {
        self.link.log_slope(y / self.scale) - (self.factor * self.scale).ln()
    }

    /// (p, q) with g(y) = p + q z, the scale included: two maps with one link differ in these alone.
    #[must_use]
    pub fn in_link_units(&self) -> (f64, f64) {
        match self.link {
            Link::Identity => (self.scale * self.shift, self.scale * self.factor),
            Link::Log => (self.scale.ln() + self.shift, self.factor),
            Link::BoxCox(lambda) => {
                let power = self.scale.powf(lambda);
                (self.link.apply(self.scale) + power * self.shift, power * self.factor)
            }
        }
    }

    /// This map around another one that is affine: z -> inner -> outer.
    ///
    /// # Panics
    /// If `inner` has a link or a negative scale, which no composition of models produces.
    #[must_use]
    pub fn after(&self, inner: &Self) -> Self {
        assert!(inner.link == Link::Identity, "only affine maps can stand inside another map");
        Self {
            link: self.link,
            shift: self.shift + self.factor * inner.scale * inner.shift,
            factor: self.factor * inner.scale * inner.factor,
            scale: self.scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_units_are_affine_in_z() {
        for link in [Link::Identity, Link::Log, Link::BoxCox(0.4), Link::BoxCox(-0.3), Link::BoxCox(1.0)] {
            let map = OuterMap { link, shift: 0.4, factor: 0.7, scale: 2.5 };
            let (offset, slope) = map.in_link_units();
            for z in [-0.5, 0.0, 1.2] {
                let error = link.apply(map.forward(z)) - (offset + slope * z);
                assert!(error.abs() < 1e-14, "{link:?} at {z}: {error}");
            }
        }
    }
}
