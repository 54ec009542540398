//! Shares from a symmetric Dirichlet distribution.
use crate::kernel::Rng;

/// `n` shares that sum to 1; the smaller `alpha`, the more uneven.
pub fn dirichlet(rng: &mut Rng, alpha: f64, n: usize) -> Vec<f64> {
    let logs: Vec<f64> = (0..n).map(|_| ln_gamma_variate(rng, alpha)).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| libm::exp(log - largest)).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

/// Natural logarithm of a Gamma(`shape`, 1) variate (Marsaglia and Tsang 2000). The logarithm, because shapes far
/// below 1 give variates below the smallest float.
fn ln_gamma_variate(rng: &mut Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        // A variate of a shape one higher, times a uniform number to the power of 1 / shape.
        let boost = -rng.exponential() / shape;
        return ln_gamma_variate(rng, shape + 1.0) + boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = rng.normal();
        let v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
        if v > 0.0 && -rng.exponential() < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return libm::log(d * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_variates_have_the_right_mean_and_variance() {
        for shape in [0.3, 1.0, 4.5] {
            let mut rng = Rng::for_purpose(1, "gamma", 0);
            let n = 40_000;
            let values: Vec<f64> = (0..n).map(|_| libm::exp(ln_gamma_variate(&mut rng, shape))).collect();
            let mean = values.iter().sum::<f64>() / f64::from(n);
            let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / f64::from(n);
            assert!((mean / shape - 1.0).abs() < 0.03, "{shape}: mean {mean}");
            assert!((variance / shape - 1.0).abs() < 0.08, "{shape}: variance {variance}");
        }
    }

    #[test]
    fn a_tiny_alpha_still_gives_shares() {
        let shares = dirichlet(&mut Rng::for_purpose(5, "tiny", 0), 1e-4, 50);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(shares.iter().any(|&share| share > 0.99));
    }
}
