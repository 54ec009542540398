//! Features of signals. They learn nothing: their step and their verdict are two calls of a node.
use crate::{Exercise, FEATURES, Hash, Sample};
use chirrup_learn::LearnError;
use chirrup_learn::features::dct::dct2;
use chirrup_learn::features::fft::{band_energies, hann, transform};
use chirrup_learn::features::window::{STATISTICS, statistics};

const POINTS: usize = 256;
const BANDS: usize = 20;
const COEFFICIENTS: usize = 12;

/// Edges of bands that widen towards high frequencies.
const EDGES: [u16; BANDS + 1] =
    [1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 16, 20, 24, 29, 35, 43, 53, 65, 80, 100, 128];

/// A window with its spectrum, energies of bands, and the first coefficients of their cosine transform.
pub struct Spectrum {
    signal: [i16; POINTS],
    exponent: i32,
    energies: [i16; BANDS],
    coefficients: [f32; COEFFICIENTS],
}

impl Exercise for Spectrum {
    const NAME: &'static str = "256 samples: Hann window and transform, then 20 bands and 12 cepstra";
    const STATE_BYTES: usize = 0;
    const SCRATCH_BYTES: usize = 2 * (POINTS + BANDS) + 4 * COEFFICIENTS;

    fn new() -> Self {
        Self { signal: [0; _], exponent: 0, energies: [0; _], coefficients: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        for (place, sensed) in self.signal.iter_mut().enumerate() {
            *sensed = (4_096.0 * sample.features[place % FEATURES]) as i16 >> (place / FEATURES);
        }
        hann(&mut self.signal)?;
        self.exponent = transform(&mut self.signal)?;
        Ok(())
    }

    fn infer(&mut self, _: &Sample) -> Result<u32, LearnError> {
        band_energies(&self.signal, self.exponent, &EDGES, &mut self.energies)?;
        let logarithms = self.energies.map(|energy| f32::from(energy) * (1.0 / 256.0));
        dct2(&logarithms, &mut self.coefficients)?;
        Ok(self.coefficients[1].to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        self.signal.iter().chain(&self.energies).for_each(|value| hash.bytes(&value.to_le_bytes()));
        hash.floats(&self.coefficients);
    }
}

/// Statistics of a window, of integers and of f32.
pub struct Statistics {
    of_integers: [f32; STATISTICS],
    of_floats: [f32; STATISTICS],
}

impl Exercise for Statistics {
    const NAME: &'static str = "statistics of 64 samples: i16, then f32";
    const STATE_BYTES: usize = 0;
    const SCRATCH_BYTES: usize = 4 * STATISTICS;

    fn new() -> Self {
        Self { of_integers: [0.0; _], of_floats: [0.0; _] }
    }

    fn learn(&mut self, sample: &Sample) -> Result<(), LearnError> {
        let window = sample.features.map(|feature| (4_096.0 * feature) as i16);
        self.of_integers = statistics(&window)?.features();
        Ok(())
    }

    fn infer(&mut self, sample: &Sample) -> Result<u32, LearnError> {
        self.of_floats = statistics(&sample.features)?.features();
        Ok(self.of_floats[4].to_bits())
    }

    fn hash(&self, hash: &mut Hash) {
        hash.floats(&self.of_integers);
        hash.floats(&self.of_floats);
    }
}
