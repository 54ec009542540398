//! The codecs of statistics, as nodes need them: a sample taken in, and one payload of [`PAYLOAD_BYTES`] encoded. The
//! aggregator alone decodes.
use super::{Item, PAYLOAD_BYTES};
use chirrup_protocol::codec::statistics::random_layer::{self, Layer};
use chirrup_protocol::codec::statistics::{class_means, second_moments, triangle_len};

/// Numbers that a node keeps.
const NUMBERS: &[usize] = &[650, 5_000];
const CLASSES: usize = 10;
const SAMPLES: u32 = 40;
/// Features of a sample.
const FEATURES: usize = 64;

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("class means, 4 bits, encode", NUMBERS, |m, n| {
        let payload = &mut m.payload[..PAYLOAD_BYTES];
        let block = class_means::encode(&[SAMPLES; CLASSES], &m.update[..n], 0, 4, 8, payload).ok()?;
        (block.end > 0).then_some(())
    }),
    Item::new("second moments, 6 bits, encode", NUMBERS, |m, n| {
        let features = features(n);
        let moments = &m.update[..triangle_len(features)];
        let payload = &mut m.payload[..PAYLOAD_BYTES];
        let block = second_moments::encode(moments, features, SAMPLES, 0, 6, payload).ok()?;
        (block.end > 0).then_some(())
    }),
    Item::new("random layer, add a sample of 64", NUMBERS, |m, n| {
        let layer = layer(n);
        let sample = &m.update[..FEATURES];
        for (unit, hidden) in m.hidden[..layer.units].iter_mut().enumerate() {
            *hidden = layer.hidden(unit, sample);
        }
        layer.add(&m.hidden[..layer.units], 3, CLASSES, &mut m.sums).ok()
    })
    .lent(|n| layer(n).units),
    Item::new("random layer, 8 bits, encode", NUMBERS, |m, n| {
        let sums = &m.sums[..layer(n).sums_len(CLASSES)];
        let block = random_layer::encode(sums, 0, 8, &mut m.payload[..PAYLOAD_BYTES]).ok()?;
        (block.end > 0).then_some(())
    }),
];

/// The most features whose second moments are at most so many numbers.
fn features(numbers: usize) -> usize {
    (1..numbers).take_while(|&features| triangle_len(features) <= numbers).count()
}

/// The largest layer whose sums are at most so many numbers.
fn layer(numbers: usize) -> Layer {
    let layer = |units| Layer { seed: 7, units, gain: 0.5 };
    layer((1..numbers).take_while(|&units| layer(units).sums_len(CLASSES) <= numbers).count())
}
