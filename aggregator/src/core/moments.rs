//! The federated sum of moments: exact, in any order, each device's features once.
use super::exact_sum::ExactSum;
use chirrup_learn::features::moments::{FeatureSums, mean_and_deviation};
use chirrup_learn::features::scale::FeatureScale;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::moments::Moments;
use chirrup_protocol::task::Scale;
use std::collections::{BTreeMap, BTreeSet};

/// Sums of all devices, and which features each device has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MomentsSum {
    features: Vec<FeatureSum>,
    given: BTreeMap<DevEui, BTreeSet<usize>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FeatureSum {
    count: u64,
    sum: ExactSum,
    sum_of_squares: ExactSum,
}

impl MomentsSum {
    /// No moments of this many features.
    pub fn new(features: usize) -> Self {
        Self { features: vec![FeatureSum::default(); features], given: BTreeMap::new() }
    }

    /// Whether every feature of the block exists.
    pub fn fits(&self, block: &Moments<'_>) -> bool {
        usize::from(block.first_feature) + block.features().count() <= self.features.len()
    }

    /// Adds a block of a device. Features that it gave before are passed over.
    pub fn add(&mut self, dev_eui: DevEui, block: &Moments<'_>) {
        let given = self.given.entry(dev_eui).or_default();
        for (index, moments) in (usize::from(block.first_feature)..).zip(block.features()) {
            let Some(feature) = self.features.get_mut(index) else { break };
            if given.insert(index) {
                feature.count += u64::from(block.count);
                feature.sum.add(moments.sum);
                feature.sum_of_squares.add(moments.sum_of_squares);
            }
        }
    }

    /// Whether a device has given all its features.
    pub fn is_complete(&self, dev_eui: DevEui) -> bool {
        self.given.get(&dev_eui).is_some_and(|given| given.len() == self.features.len())
    }

    /// Whether every feature was given by some device.
    pub fn has_every_feature(&self) -> bool {
        self.features.iter().all(|feature| feature.count > 0)
    }

    /// Devices that have given all their features.
    pub fn complete_devices(&self) -> usize {
        self.given.values().filter(|given| given.len() == self.features.len()).count()
    }

    /// The scale that gives every feature zero mean and unit deviation.
    pub fn scales(&self) -> Vec<Scale> {
        let scale = |feature: &FeatureSum| {
            let sums =
                FeatureSums { sum: feature.sum.to_f64(), sum_of_squares: feature.sum_of_squares.to_f64() };
            let (mean, deviation) = mean_and_deviation(feature.count, sums);
            let FeatureScale { offset, gain } = FeatureScale::standardising(mean, deviation);
            Scale { offset, gain }
        };
        self.features.iter().map(scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::message::moments::{FeatureMoments, emit};
    use proptest::prelude::*;

    fn block(first: u16, count: u32, features: &[FeatureMoments]) -> Vec<u8> {
        let mut bytes = [0; 222];
        let emitted = emit(first, count, features, &mut bytes).unwrap();
        bytes[..emitted.bytes].to_vec()
    }

    proptest! {
        /// Any split of the data, any order of arrival, blocks repeated: the same bits.
        #[test]
        fn the_sum_is_that_of_central_training(
            rows in proptest::collection::vec((0usize..4, -50f32..50.0), 1..60),
            rotate in 0usize..8,
        ) {
            let mut blocks = Vec::new();
            let mut central = [ExactSum::default(); 2];
            for node in 0..4 {
                let values: Vec<f32> = rows.iter().filter(|row| row.0 == node).map(|row| row.1).collect();
                if values.is_empty() { continue }
                let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
                let squares: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
                let moments = FeatureMoments { sum: sum as f32, sum_of_squares: squares as f32 };
                central[0].add(moments.sum);
                central[1].add(moments.sum_of_squares);
                blocks.push((node as u64, block(0, values.len() as u32, &[moments])));
            }
            let turn = rotate % blocks.len();
            blocks.rotate_left(turn);
            blocks.extend_from_within(..1);
            let mut total = MomentsSum::new(1);
            for (node, bytes) in &blocks {
                total.add(DevEui::from_u64(*node), &Moments::parse(bytes).unwrap());
            }
            prop_assert_eq!(total.features[0].sum, central[0]);
            prop_assert_eq!(total.features[0].sum_of_squares, central[1]);
            prop_assert_eq!(total.features[0].count, rows.len() as u64);
            prop_assert!(total.scales()[0].gain.is_finite());
        }
    }

    #[test]
    fn a_device_is_complete_once_every_feature_came() {
        let (device, mut total) = (DevEui::from_u64(1), MomentsSum::new(3));
        let one = FeatureMoments { sum: 1.0, sum_of_squares: 1.0 };
        total.add(device, &Moments::parse(&block(0, 1, &[one; 2])).unwrap());
        assert!(!total.is_complete(device) && !total.has_every_feature());
        let last = block(2, 1, &[one]);
        assert!(total.fits(&Moments::parse(&last).unwrap()));
        total.add(device, &Moments::parse(&last).unwrap());
        assert!(total.is_complete(device) && total.has_every_feature());
        assert_eq!(total.complete_devices(), 1);
        let beyond = block(2, 1, &[one; 2]);
        assert!(!total.fits(&Moments::parse(&beyond).unwrap()));
    }
}
