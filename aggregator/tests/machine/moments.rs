//! The scale of the task follows from the nodes' moments, as if all samples were in one place.
use crate::bench::*;
use chirrup_aggregator::core::{Federation, Reject, federation::ScaleSource};
use chirrup_learn::features::moments::{FeatureSums, mean_and_deviation};
use chirrup_learn::features::scale::FeatureScale;
use chirrup_protocol::message::control::MomentsWanted;
use chirrup_protocol::message::moments::FeatureMoments;
use chirrup_protocol::task::Scale;
use chirrup_protocol::time::{Duration, Instant};
use proptest::prelude::*;

/// Whole numbers, so that the sums of the samples are exact in any grouping.
fn central(rows: &[(u64, [i8; FEATURES])]) -> Vec<Scale> {
    let scale = |feature: usize| {
        let values = rows.iter().map(|row| f64::from(row.1[feature]));
        let sums = FeatureSums {
            sum: values.clone().sum(),
            sum_of_squares: values.map(|value| value * value).sum(),
        };
        let (mean, deviation) = mean_and_deviation(rows.len() as u64, sums);
        let FeatureScale { offset, gain } = FeatureScale::standardising(mean, deviation);
        Scale { offset, gain }
    };
    (0..FEATURES).map(scale).collect()
}

fn sums(rows: &[(u64, [i8; FEATURES])], device: u64) -> (u32, Vec<FeatureMoments>) {
    let own: Vec<_> = rows.iter().filter(|row| row.0 == device).collect();
    let of = |feature: usize| FeatureMoments {
        sum: own.iter().map(|row| f32::from(row.1[feature])).sum(),
        sum_of_squares: own.iter().map(|row| f32::from(row.1[feature]) * f32::from(row.1[feature])).sum(),
    };
    (own.len() as u32, (0..FEATURES).map(of).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn any_order_of_blocks_settles_the_scale_of_the_pooled_samples(
        rows in proptest::collection::vec((0..DEVICES, any::<[i8; FEATURES]>()), 10..60),
        order in Just((0..2 * DEVICES).collect::<Vec<_>>()).prop_shuffle(),
        repeated in 0..2 * DEVICES,
    ) {
        prop_assume!((0..DEVICES).all(|device| rows.iter().any(|row| row.0 == device)));
        let (mut bench, mut nodes) = (Bench::new(federation()), nodes());
        let mut sent = 0;
        for block in order.iter().chain([&repeated]).take(2 * DEVICES as usize + 1) {
            let (device, feature) = (block / 2, block % 2);
            let (count, moments) = sums(&rows, device);
            let node = &mut nodes[device as usize];
            let feature = feature as usize;
            bench.send(node.moments(feature as u16, count, &moments[feature..=feature]));
            sent += 1;
            prop_assert_eq!(bench.aggregator.scales().is_some(), sent >= 2 * DEVICES);
        }
        let scales = bench.aggregator.scales().unwrap().to_vec();
        for (settled, central) in scales.iter().zip(central(&rows)) {
            // The task object may carry a scale in half precision, which bends it by at most 1/256 of the spread.
            let shift = (settled.offset - central.offset) * central.gain;
            prop_assert!(shift.abs() <= 1.0 / 256.0, "{settled:?} {central:?}");
            prop_assert!((settled.gain - central.gain).abs() <= central.gain / 1_000.0, "{settled:?} {central:?}");
        }
        let mut sorted = Bench::new(federation());
        let mut again = crate::bench::nodes();
        for node in &mut again {
            let (count, moments) = sums(&rows, node.device);
            sorted.send(node.moments(0, count, &moments));
        }
        prop_assert_eq!(sorted.aggregator.scales().unwrap(), scales.as_slice(), "the same bits");
    }
}

#[test]
fn patience_ends_without_those_that_are_missing() {
    let (mut bench, mut nodes) = (Bench::new(federation()), nodes());
    assert_eq!(bench.aggregator.next_deadline(), None);
    bench.send(nodes[0].moments(0, 4, &[FeatureMoments { sum: 8.0, sum_of_squares: 20.0 }; FEATURES]));
    let first = bench.now;
    assert_eq!(bench.aggregator.next_deadline(), Some(first + PATIENCE));
    bench.wait(Duration::from_secs(3_599));
    assert!(bench.aggregator.scales().is_none());
    bench.wait(Duration::from_secs(1));
    let scales = bench.aggregator.scales().unwrap();
    assert_eq!((scales[0].offset, scales[0].gain), (2.0, 1.0));
}

/// Settled without it, a feature would have no scale and say nothing for as long as the task lives.
#[test]
fn patience_does_not_end_before_every_feature_was_given_by_somebody() {
    let (mut bench, mut nodes) = (Bench::new(federation()), nodes());
    let moments = [FeatureMoments { sum: 8.0, sum_of_squares: 20.0 }];
    bench.send(nodes[0].moments(0, 4, &moments));
    assert_eq!(bench.aggregator.next_deadline(), None);
    bench.wait(Duration::from_secs(2 * 3_600));
    assert!(bench.aggregator.scales().is_none());
    bench.send(nodes[1].moments(1, 4, &moments));
    let scales = bench.aggregator.scales().expect("it settles with the last feature");
    assert!(scales.iter().all(|scale| (scale.offset, scale.gain) == (2.0, 1.0)), "{scales:?}");
}

#[test]
fn a_clock_that_runs_ahead_in_a_gateway_settles_nothing_late() {
    let (mut bench, mut nodes) = (Bench::new(federation()), nodes());
    let moments = [FeatureMoments { sum: 8.0, sum_of_squares: 20.0 }; FEATURES];
    for node in &mut nodes {
        let mut uplink = node.moments(0, 4, &moments);
        uplink.received_at = Instant::NEVER;
        bench.send(uplink);
    }
    assert!(bench.aggregator.scales().is_some());
}

#[test]
fn a_schema_needs_no_moments() {
    let scale = ScaleSource::Schema(vec![(1.0, 2.0), (3.0, 4.0)]);
    let mut bench = Bench::new(Federation { scale, ..federation() });
    assert_eq!(bench.aggregator.next_deadline(), Some(Instant::ZERO));
    bench.wait(Duration::ZERO);
    assert_eq!(bench.aggregator.scales().unwrap()[1], Scale { offset: 3.0, gain: 4.0 });
    let mut node = Node::new(0);
    let uplink = node.moments(0, 4, &[FeatureMoments::default()]);
    assert!(matches!(bench.exchange(&mut node, uplink), Some(Heard::Chunk { .. })));
    assert_eq!(bench.rejected(Reject::OutOfSeason), 1);
}

#[test]
fn moments_are_wanted_until_they_have_come() {
    let (mut bench, mut nodes) = (Bench::new(federation()), nodes());
    let node = &mut nodes[0];
    let moments = [FeatureMoments { sum: 8.0, sum_of_squares: 20.0 }; FEATURES];
    let wanted = |heard: Option<Heard>| match heard {
        Some(Heard::Control(control)) => Some(control.moments),
        None => None,
        other => panic!("{other:?}"),
    };
    let uplink = node.holding(0, 0);
    assert_eq!(wanted(bench.exchange(node, uplink)), Some(MomentsWanted::Yes));
    let uplink = node.moments(0, 4, &moments[..1]);
    assert_eq!(wanted(bench.exchange(node, uplink)), Some(MomentsWanted::Yes));
    let uplink = node.moments(1, 4, &moments[1..]);
    assert_ne!(wanted(bench.exchange(node, uplink)), Some(MomentsWanted::Yes));
}
