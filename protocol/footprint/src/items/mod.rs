//! The table of what is measured. A line there is all that a new item needs.
mod classifiers;
mod epochs;
mod frames;
mod identity;
mod models;
mod parts;
mod statistics;
mod updates;

use chirrup_protocol::codec::random::Random;
use chirrup_protocol::identity::{AggregatorKeys, NodeKeys};
use chirrup_protocol::manifest::TrustAnchor;
use chirrup_protocol::replay::ReplayWindow;
use chirrup_protocol::seal::{DeviceSecret, FrameKey};

/// Does an item at a size, `None` when that failed.
pub type Run = fn(&mut Memory, usize) -> Option<()>;

/// Something to measure.
pub struct Item {
    /// What it does.
    pub name: &'static str,
    /// At which sizes: parameters of an update, or bytes of a message or object.
    pub sizes: &'static [usize],
    /// Memory that the caller lends besides inputs and outputs.
    pub lent_bytes: fn(usize) -> usize,
    /// What must be there before it; not measured.
    pub prepare: Run,
    /// What is measured.
    pub run: Run,
}

impl Item {
    const fn new(name: &'static str, sizes: &'static [usize], run: Run) -> Self {
        Self { name, sizes, lent_bytes: |_| 0, prepare: |_, _| Some(()), run }
    }

    const fn after(self, prepare: Run) -> Self {
        Self { prepare, ..self }
    }

    const fn lent(self, lent_bytes: fn(usize) -> usize) -> Self {
        Self { lent_bytes, ..self }
    }
}

/// Sections of the table with their items. The first one does nothing: it is what the others are measured against.
pub const SECTIONS: &[(&str, &[Item])] = &[
    ("nothing", &[Item::new("nothing", &[0], |_, _| Some(()))]),
    ("frames", frames::ITEMS),
    ("identity", identity::ITEMS),
    ("epochs", epochs::ITEMS),
    ("updates", updates::ITEMS),
    ("statistics", statistics::ITEMS),
    ("parts", parts::ITEMS),
    ("models", models::ITEMS),
    ("classifiers", classifiers::ITEMS),
];

/// The item with an index, counted through all sections.
pub const fn item(mut index: usize) -> &'static Item {
    let mut section = 0;
    while index >= SECTIONS[section].1.len() {
        index -= SECTIONS[section].1.len();
        section += 1;
    }
    &SECTIONS[section].1[index]
}

/// Parameters of the models that updates are measured with: ten classes of 64 features, and the largest foreseen.
pub const PARAMS: &[usize] = &[650, MAX_PARAMS];
/// Bytes of payload in a frame of EU868 DR3.
pub const PAYLOAD_BYTES: usize = 100;
const MAX_PARAMS: usize = 5_000;
/// Room for a model of the largest shape at eight bits a parameter, and its manifest.
const OBJECT_BYTES: usize = 6 * 1024;

/// Inputs, outputs and lent memory of all items, in static memory so that none of it is on the stack.
pub struct Memory {
    /// An update, `[params]`: what encoders read.
    pub update: [f32; MAX_PARAMS],
    /// What decoders write.
    pub decoded: [f32; MAX_PARAMS],
    /// Lent to codecs.
    pub scratch: [f32; 4 * MAX_PARAMS],
    /// Of a random layer.
    pub hidden: [i8; 128],
    pub sums: [i32; MAX_PARAMS],
    /// Of a contribution.
    pub payload: [u8; 231],
    /// Of an object: what is published, and what a node receives it into.
    pub object: [u8; OBJECT_BYTES],
    pub received: [u8; OBJECT_BYTES],
    /// Used bytes of the payload or object.
    pub used_bytes: usize,
    pub frame: [u8; 242],
    pub message: [u8; 231],
    pub key: Option<FrameKey>,
    pub digest: [u8; 32],
    pub anchor: Option<TrustAnchor>,
    pub node_keys: Option<NodeKeys>,
    pub aggregator_keys: Option<AggregatorKeys>,
    pub secret: Option<DeviceSecret>,
    pub window: Option<ReplayWindow>,
}

impl Memory {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            update: [0.0; MAX_PARAMS],
            decoded: [0.0; MAX_PARAMS],
            scratch: [0.0; 4 * MAX_PARAMS],
            hidden: [0; 128],
            sums: [0; MAX_PARAMS],
            payload: [0; 231],
            object: [0; OBJECT_BYTES],
            received: [0; OBJECT_BYTES],
            used_bytes: 0,
            frame: [0; 242],
            message: [0; 231],
            key: None,
            digest: [0; 32],
            anchor: None,
            node_keys: None,
            aggregator_keys: None,
            secret: None,
            window: None,
        }
    }

    /// Draws a new update, nearly Gaussian with a deviation of 0.01: a sum of four uniforms. It differs from
    /// coordinate to coordinate as updates do, and is the same on any machine.
    pub fn draw_update(&mut self) {
        let mut random = Random::new(1, 0);
        for value in &mut self.update {
            let sum = random.uniform() + random.uniform() + random.uniform() + random.uniform();
            *value = (sum - 2.0) * 0.0173;
        }
    }
}
