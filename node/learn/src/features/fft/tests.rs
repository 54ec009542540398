use super::*;
use crate::random::Random;
use proptest::prelude::*;

/// Real and imaginary parts from zero to half the sampling rate.
fn by_definition(signal: &[i16]) -> Vec<[f64; 2]> {
    let length = signal.len();
    let frequency = |k: usize| {
        signal.iter().enumerate().fold([0.0, 0.0], |[re, im], (n, &sample)| {
            let angle = core::f64::consts::TAU * (k * n % length) as f64 / length as f64;
            [re + f64::from(sample) * libm::cos(angle), im - f64::from(sample) * libm::sin(angle)]
        })
    };
    (0..=length / 2).map(frequency).collect()
}

/// Largest error in units of the last bit.
fn error(signal: &[i16]) -> f64 {
    let mut spectrum = signal.to_vec();
    let exponent = transform(&mut spectrum).unwrap();
    let unit = libm::exp2(f64::from(exponent));
    let exact = by_definition(signal);
    let mut largest = 0.0;
    for (k, exact) in exact.iter().enumerate() {
        let found = match k {
            0 => [spectrum[0], 0],
            k if k == signal.len() / 2 => [spectrum[1], 0],
            k => [spectrum[2 * k], spectrum[2 * k + 1]],
        };
        for part in 0..2 {
            largest = f64::max(largest, (f64::from(found[part]) - exact[part] / unit).abs());
        }
    }
    largest
}

#[test]
fn every_length_and_kind_of_signal_is_within_the_stated_error() {
    let mut random = Random::new(9);
    let mut worst = 0.0;
    for length in [64, 128, 256, 512, 1024] {
        for kind in 0..8 {
            let signal: Vec<i16> = (0..length)
                .map(|index| match kind {
                    0 => i16::MIN,
                    1 => random.next_u32() as i16,
                    2 => (random.next_u32() as i16) >> 8,
                    3 => (32_767.0 * libm::sin(index as f64 * 0.3)) as i16,
                    4 => {
                        if index % 2 == 0 {
                            i16::MAX
                        } else {
                            i16::MIN
                        }
                    }
                    5 => {
                        if index == 3 {
                            i16::MIN
                        } else {
                            0
                        }
                    }
                    6 => {
                        if index % 16 < 8 {
                            i16::MIN
                        } else {
                            i16::MAX
                        }
                    }
                    _ => (300.0 * libm::sin(index as f64 * index as f64 * 0.002)) as i16,
                })
                .collect();
            let error = error(&signal);
            worst = f64::max(worst, error);
        }
    }
    assert!(worst <= MAX_ERROR, "{worst}");
}

#[test]
fn a_tone_is_in_its_band() {
    let mut signal: [i16; 256] = core::array::from_fn(|n| {
        (20_000.0 * libm::sin(core::f64::consts::TAU * 20.0 * n as f64 / 256.0)) as i16
    });
    hann(&mut signal).unwrap();
    let exponent = transform(&mut signal).unwrap();
    let mut energies = [0; 3];
    band_energies(&signal, exponent, &[0, 18, 23, 128], &mut energies).unwrap();
    // The window spreads a tone over three frequencies with 1/4, 1/2 and 1/4 of its amplitude times n / 2.
    let expected = 256.0 * libm::log2(20_000.0f64 * 20_000.0 * 128.0 * 128.0 * 0.375);
    assert!((f64::from(energies[1]) - expected).abs() < 4.0, "{energies:?}, {expected}");
    assert!(energies[0] < energies[1] - 10 * 256 && energies[2] < energies[1] - 10 * 256);
}

#[test]
fn the_logarithm_is_rounded_down() {
    assert_eq!((log2_q8(0), log2_q8(1), log2_q8(2), log2_q8(u64::MAX)), (0, 0, 256, 64 * 256 - 1));
    let mut random = Random::new(1);
    for _ in 0..1_000 {
        let value = random.next_u64() >> random.below(63);
        let exact = 256.0 * libm::log2(value.max(1) as f64);
        assert!((-1e-3..=1.01).contains(&(exact - f64::from(log2_q8(value)))), "{value}");
    }
}

#[test]
fn bad_lengths_and_edges_are_refused() {
    for length in [0, 1, 32, 63, 100, 2048] {
        assert!(transform(&mut vec![0; length]).is_err());
        assert!(hann(&mut vec![0; length]).is_err());
    }
    let (spectrum, mut energies) = ([1; 64], [5; 2]);
    for edges in [&[0, 3][..], &[0, 9, 8], &[0, 1, 33]] {
        assert!(band_energies(&spectrum, 0, edges, &mut energies).is_err());
    }
    assert_eq!(energies, [5; 2]);
    assert!(band_energies(&spectrum, 99, &[0, 0, 32], &mut energies).is_ok());
    assert_eq!(energies[0], 0, "an empty band");
}

proptest! {
    #[test]
    fn any_signal_is_within_the_stated_error(
        signal in prop::collection::vec(any::<i16>(), 64), scale in 0u32..15, square: bool,
    ) {
        let signal: Vec<i16> = signal
            .into_iter()
            .map(|sample| if !square { sample >> scale } else if sample < 0 { i16::MIN } else { i16::MAX })
            .collect();
        prop_assert!(error(&signal) <= MAX_ERROR);
    }
}
