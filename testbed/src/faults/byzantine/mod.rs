//! Nodes that work against the others: enrolled, with valid keys, and well-formed in all that they say.
//!
//! Their firmware is the real one. What is forged is what it learns from, or what it is about to send: a contribution
//! is opened with the node's own key, altered, and sealed again under the same counter before anybody has seen it.
mod trigger;

use self::trigger::TARGET;
pub use self::trigger::Trigger;
use super::Injected;
use crate::kernel::Rng;
use crate::scenario::ByzantineKind;
use chirrup_node::agent::{AgentSnapshot, Uplink, codec_memory_len};
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::contribution::{Contribution, HEADER_BYTES};
use chirrup_protocol::message::port;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction};
use chirrup_protocol::time::Instant;
use std::rc::Rc;

/// By how much `scaling` multiplies an update, and how many times `random` exceeds it.
const SCALE: f32 = 10.0;
/// Share of samples that carry the trigger of a backdoor.
const TRIGGERED: f64 = 0.5;

/// What a node needs to work against the others.
#[derive(Clone)]
pub struct Attack {
    /// How.
    pub kind: ByzantineKind,
    /// What opens the backdoor.
    pub trigger: Rc<Trigger>,
    /// It is honest from then on.
    pub until: Instant,
    /// Its own EUI.
    pub dev_eui: DevEui,
    /// Its own secret.
    pub secret: DeviceSecret,
    /// The task's codec.
    pub codec: UpdateCodec,
    /// Classes of the task.
    pub classes: usize,
    /// Parameters of each: features, and one more.
    pub columns: usize,
    /// Its dice.
    pub rng: Rng,
}

impl Attack {
    /// Forges a sample: its features perhaps, and the label that is returned.
    pub fn sample(
        &mut self,
        now: Instant,
        features: &mut [f32],
        label: usize,
        injected: &mut Injected,
    ) -> usize {
        let forged = match self.kind {
            _ if now >= self.until => None,
            ByzantineKind::LabelFlip => Some(self.classes.saturating_sub(1 + label)),
            ByzantineKind::Backdoor if self.rng.chance(TRIGGERED) => {
                self.trigger.apply(features);
                Some(TARGET)
            }
            _ => None,
        };
        injected.samples_forged += u64::from(forged.is_some());
        forged.unwrap_or(label)
    }

    /// Forges a frame that is about to be sent, if it holds a contribution. `stored` is what the flash holds.
    pub fn frame(
        &mut self,
        now: Instant,
        stored: &AgentSnapshot,
        uplink: &mut Uplink,
        injected: &mut Injected,
    ) {
        let alters =
            matches!(self.kind, ByzantineKind::SignFlip | ByzantineKind::Scaling | ByzantineKind::Random);
        if alters && now < self.until && uplink.fport == port::CONTRIBUTION {
            injected.contributions_forged += u64::from(self.forge(stored, uplink).is_some());
        }
    }

    /// `None` when the frame is left as it is: the codec has no form for the forged update.
    fn forge(&mut self, stored: &AgentSnapshot, uplink: &mut Uplink) -> Option<()> {
        let epoch = stored.epochs.epoch;
        let binding = Binding { dev_eui: self.dev_eui, epoch, direction: Direction::Up, fport: uplink.fport };
        let key = self.secret.frame_key(self.dev_eui, epoch, Direction::Up);
        let mut message = [0; seal::MAX_MESSAGE_BYTES];
        let expected = stored.epochs.up_limit;
        let (counter, length) =
            seal::open_near(&key, binding, expected, &uplink.payload, &mut message).ok()?;
        let honest = Contribution::parse(&message[..length]).ok()?;
        let payload = self.forge_update(&honest, length - HEADER_BYTES)?;
        let mut forged = [0; seal::MAX_MESSAGE_BYTES];
        let length = Contribution { payload: &payload, ..honest }.emit(&mut forged).ok()?;
        let room = length + seal::OVERHEAD_BYTES;
        uplink.payload.resize(room, 0).ok()?;
        seal::seal(&key, binding, counter, &forged[..length], &mut uplink.payload).ok()?;
        Some(())
    }

    /// The payload of the forged update, no longer than that of the honest one.
    fn forge_update(&mut self, honest: &Contribution<'_>, room: usize) -> Option<Vec<u8>> {
        let params = self.classes * self.columns;
        let seed = honest.seed(self.dev_eui);
        let mut memory = vec![0.0; codec_memory_len(self.codec, params, self.columns).max(params)];
        let (mut update, scratch) = (vec![0.0; params], memory.as_mut_slice());
        let said = self.codec.decode(honest.payload, self.columns, seed, scratch, &mut update).ok()?;
        self.alter(&mut update[said.clone()]);
        let mut payload = vec![0; room];
        let written =
            self.codec.encode(&update, self.columns, said.start, seed, scratch, &mut payload).ok()?;
        payload.truncate(written.bytes);
        Some(payload)
    }

    fn alter(&mut self, update: &mut [f32]) {
        let squares: f32 = update.iter().map(|value| value * value).sum();
        let rms = libm::sqrtf(squares / update.len().max(1) as f32);
        let rng = &mut self.rng;
        for value in update {
            match self.kind {
                ByzantineKind::SignFlip => *value = -*value,
                ByzantineKind::Scaling => *value *= SCALE,
                ByzantineKind::Random => *value = SCALE * rms * rng.normal() as f32,
                ByzantineKind::LabelFlip | ByzantineKind::Backdoor => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
