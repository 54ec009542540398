//! Data, and how it is cut.
use anyhow::Result;
use chirrup_learn::Shape;
use chirrup_learn::features::moments::{self, FeatureSums};
use chirrup_learn::features::scale::{self, FeatureScale};
use chirrup_learn::random::Random;
use smartcore::dataset;

/// Seeds of the splits over which accuracies are averaged.
pub const SPLITS: std::ops::Range<u64> = 1..9;
/// Share of the samples that is judged on, in percent.
const TEST_PERCENT: usize = 30;

/// Samples with labels.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Features and classes.
    pub shape: Shape,
    /// `[features]` each.
    pub samples: Vec<Vec<f32>>,
    /// 0 to `classes - 1`.
    pub labels: Vec<usize>,
}

/// What is learnt from, and what is judged on; on the scale of the former where it is standardised.
#[derive(Clone, Debug)]
pub struct Split {
    /// To learn from, in random order.
    pub train: Labelled,
    /// To be judged on.
    pub test: Labelled,
}

/// Handwritten digits (Alpaydin and Kaynak 1998, as in scikit-learn): 1,797 of 8 x 8 pixels, 0 to 16.
pub fn digits() -> Labelled {
    let data = dataset::digits::load_dataset();
    labelled(data.num_features, 10, &data.data, data.target.iter().map(|&label| label as usize))
}

/// Breast cancer, Wisconsin (Wolberg, Mangasarian and Street 1995): 569 of 30 measures, benign or malignant.
pub fn breast_cancer() -> Labelled {
    let data = dataset::breast_cancer::load_dataset();
    labelled(data.num_features, 2, &data.data, data.target.iter().map(|&label| label as usize))
}

/// Digits on a scale that takes no statistics: pixels from -1 to 1.
pub fn digits_about_zero() -> Labelled {
    let mut digits = digits();
    digits.samples.iter_mut().flatten().for_each(|pixel| *pixel = *pixel / 8.0 - 1.0);
    digits
}

fn labelled(features: usize, classes: usize, data: &[f32], labels: impl Iterator<Item = usize>) -> Labelled {
    let samples = data.chunks_exact(features).map(<[f32]>::to_vec).collect();
    Labelled { shape: Shape { features, classes }, samples, labels: labels.collect() }
}

impl Labelled {
    /// The same samples asked another question.
    pub fn relabelled(mut self, classes: usize, label: impl Fn(usize) -> usize) -> Self {
        self.labels.iter_mut().for_each(|old| *old = label(*old));
        self.shape.classes = classes;
        self
    }

    /// The samples that satisfy a condition, by label.
    pub fn only(&self, is_wanted: impl Fn(usize) -> bool) -> Self {
        let indices = (0..self.labels.len()).filter(|&index| is_wanted(self.labels[index]));
        self.picked(indices)
    }

    /// These samples, in this order.
    pub fn picked(&self, indices: impl Iterator<Item = usize>) -> Self {
        let mut picked = Self { shape: self.shape, samples: Vec::new(), labels: Vec::new() };
        for index in indices {
            picked.samples.push(self.samples[index].clone());
            picked.labels.push(self.labels[index]);
        }
        picked
    }

    /// Samples with their labels.
    pub fn iter(&self) -> impl Iterator<Item = (&[f32], usize)> + Clone {
        self.samples.iter().map(Vec::as_slice).zip(self.labels.iter().copied())
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// An order drawn from a seed.
    pub fn order(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let mut random = Random::new(seed);
        for index in (1..order.len()).rev() {
            order.swap(index, random.below(index as u32 + 1) as usize);
        }
        order
    }

    /// Cuts at random, and standardises by what is learnt from.
    pub fn split(&self, seed: u64) -> Result<Split> {
        let Split { train, test } = self.cut(seed);
        let scales = train.scales()?;
        Ok(Split { train: train.scaled(&scales)?, test: test.scaled(&scales)? })
    }

    /// Cuts at random, in the same places, and leaves the scale as it is.
    pub fn cut(&self, seed: u64) -> Split {
        let order = self.order(seed);
        let (test, train) = order.split_at((self.len() * TEST_PERCENT).div_ceil(100));
        Split { train: self.picked(train.iter().copied()), test: self.picked(test.iter().copied()) }
    }

    /// Zero mean and unit deviation for each feature.
    pub fn scales(&self) -> Result<Vec<FeatureScale>> {
        let mut sums = vec![FeatureSums::default(); self.shape.features];
        for sample in &self.samples {
            moments::add(&mut sums, sample)?;
        }
        let moments = sums.iter().map(|&sums| moments::mean_and_deviation(self.len() as u64, sums));
        Ok(moments.map(|(mean, deviation)| FeatureScale::standardising(mean, deviation)).collect())
    }

    fn scaled(mut self, scales: &[FeatureScale]) -> Result<Self> {
        for sample in &mut self.samples {
            let mut scaled = vec![0.0; sample.len()];
            scale::apply(scales, sample, &mut scaled)?;
            *sample = scaled;
        }
        Ok(self)
    }

    /// Share of the most frequent class.
    pub fn majority_rate(&self) -> f64 {
        let most = (0..self.shape.classes).map(|class| self.count(class)).max();
        most.unwrap_or(0) as f64 / self.len() as f64
    }

    fn count(&self, class: usize) -> usize {
        self.labels.iter().filter(|&&label| label == class).count()
    }

    /// Share of the samples whose label is predicted.
    pub fn accuracy<E>(&self, mut predict: impl FnMut(&[f32]) -> Result<usize, E>) -> Result<f64, E> {
        let mut correct = 0;
        for (sample, label) in self.iter() {
            correct += usize::from(predict(sample)? == label);
        }
        Ok(correct as f64 / self.len() as f64)
    }

    /// Mean over the classes that occur of the share that is predicted.
    pub fn balanced_accuracy<E>(
        &self,
        mut predict: impl FnMut(&[f32]) -> Result<usize, E>,
    ) -> Result<f64, E> {
        let mut correct = vec![0; self.shape.classes];
        for (sample, label) in self.iter() {
            correct[label] += usize::from(predict(sample)? == label);
        }
        let counts = (0..self.shape.classes).map(|class| self.count(class));
        let recalls: Vec<f64> = correct
            .iter()
            .zip(counts)
            .filter(|&(_, count)| count > 0)
            .map(|(&correct, count)| correct as f64 / count as f64)
            .collect();
        Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
    }
}
