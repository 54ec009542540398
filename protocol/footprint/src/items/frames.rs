//! What protects a frame or an object, and brings it together.
use super::{Item, Memory};
use chirrup_protocol::ids::{DevEui, TaskId};
use chirrup_protocol::manifest::{self, MANIFEST_BYTES, Manifest, TrustAnchor};
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::object::{Assembly, CHUNK_BYTES, ObjectKind, ObjectTag, Received};
use chirrup_protocol::replay::ReplayWindow;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction, FrameKey};
use ed25519_dalek::SigningKey;

/// Sizes of a message: what fits the smallest frame, and the largest.
const MESSAGES: &[usize] = &[40, 231];
/// Sizes of an object.
const OBJECTS: &[usize] = &[650, 5_000];
const DEVICE: DevEui = DevEui::from_u64(7);
const COUNTER: u64 = 70_000;
const BINDING: Binding = Binding { dev_eui: DEVICE, epoch: 5, direction: Direction::Up, fport: 1 };

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("key of an epoch", &[0], derive),
    Item::new("seal a message", MESSAGES, seal).after(derive),
    Item::new("open a message", MESSAGES, open).after(derive_and_seal),
    Item::new("sealing path: key, seal and open", MESSAGES, sealing_path),
    Item::new("replay window, 64 counters", &[0], replay).after(|m, _| {
        m.window = Some(ReplayWindow::restored(COUNTER));
        Some(())
    }),
    Item::new("SHA-256 of an object", OBJECTS, |m, bytes| {
        m.digest = manifest::sha256(&m.object[..bytes]);
        Some(())
    }),
    Item::new("manifest, verify with its object", OBJECTS, verify).after(publish),
    Item::new("object, assemble from chunks", OBJECTS, assemble).after(publish),
];

fn key() -> FrameKey {
    DeviceSecret::new([9; 32]).frame_key(DEVICE, BINDING.epoch, BINDING.direction)
}

fn derive(memory: &mut Memory, _: usize) -> Option<()> {
    memory.key = Some(key());
    Some(())
}

fn seal(memory: &mut Memory, bytes: usize) -> Option<()> {
    let key = memory.key.as_ref()?;
    memory.used_bytes =
        seal::seal(key, BINDING, COUNTER, &memory.payload[..bytes], &mut memory.frame).ok()?;
    Some(())
}

fn derive_and_seal(memory: &mut Memory, bytes: usize) -> Option<()> {
    derive(memory, bytes)?;
    seal(memory, bytes)
}

fn open(memory: &mut Memory, bytes: usize) -> Option<()> {
    let key = memory.key.as_ref()?;
    let frame = &memory.frame[..memory.used_bytes];
    let opened = seal::open(key, BINDING, COUNTER, frame, &mut memory.message).ok()?;
    (opened == bytes).then_some(())
}

/// What a node does that keeps no key: all on the stack.
fn sealing_path(memory: &mut Memory, bytes: usize) -> Option<()> {
    let key = key();
    let Memory { payload, frame, message, .. } = memory;
    let sealed = seal::seal(&key, BINDING, COUNTER, &payload[..bytes], frame).ok()?;
    let opened = seal::open(&key, BINDING, COUNTER, &frame[..sealed], message).ok()?;
    (opened == bytes).then_some(())
}

fn replay(memory: &mut Memory, _: usize) -> Option<()> {
    let window = memory.window.as_mut()?;
    // Neighbours in the wrong order, so that both ways through the window are taken.
    (0..64).try_for_each(|step| window.accept(COUNTER + (step ^ 1)).ok())
}

/// Signs `bytes` of object: manifest and object are one stream.
fn publish(memory: &mut Memory, bytes: usize) -> Option<()> {
    let (place, object) = memory.object.split_at_mut(MANIFEST_BYTES);
    let manifest = Manifest {
        kind: ObjectKind::Model,
        task: TaskId(1),
        codec: 6,
        version: 9,
        parent: [0; 8],
        object_bytes: bytes as u16,
        key_id: 0,
        expires_s: 100,
        sha256: manifest::sha256(&object[..bytes]),
    };
    let signing = SigningKey::from_bytes(&[3; 32]);
    place.copy_from_slice(&manifest.sign(&signing));
    memory.anchor = Some(TrustAnchor::of(&signing));
    Some(())
}

fn verify(memory: &mut Memory, bytes: usize) -> Option<()> {
    let (manifest, object) = memory.object.split_at(MANIFEST_BYTES);
    Manifest::verify(manifest, &object[..bytes], memory.anchor.as_ref()?).map(|_| ()).ok()
}

/// Chunk by chunk, as at the lowest data rate.
fn assemble(memory: &mut Memory, bytes: usize) -> Option<()> {
    let stream = &memory.object[..MANIFEST_BYTES + bytes];
    let object = ObjectTag::new(ObjectKind::Model, 9);
    let mut assembly = Assembly::new(&mut memory.received);
    let mut last = Received::Incomplete;
    for (first, bytes) in stream.chunks(CHUNK_BYTES).enumerate() {
        last = assembly.insert(&Chunk { object, first: first as u8, bytes }).ok()?;
    }
    (last == Received::Complete).then_some(())
}
