//! Which federation a ledger belongs to.
//!
//! Whatever enters the hash of a version, or decides whether a frame is accepted, is fixed by the first start: task,
//! source of the scale, strategy, width of the model, the limits of staleness and of a frame's age, the devices that are enrolled with
//! their secrets, and the signing key, which nodes hold. What steers only the future may change: the cadence's
//! buffer and intervals, when the scale settles, downlinks, advice, lifetimes; and devices may be added or revoked.
use crate::core::Federation;
use crate::core::federation::{Enrolled, ScaleSource};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A federation, with digests in place of secrets.
#[derive(Serialize, Deserialize)]
pub struct Note {
    federation: Federation,
    public_key: [u8; 32],
}

impl Note {
    pub fn new(federation: &Federation, key: &VerifyingKey) -> Self {
        let mut federation = federation.clone();
        federation.devices.iter_mut().for_each(|device| device.secret = digest(device));
        Self { federation, public_key: key.to_bytes() }
    }

    /// Why the records of this federation are not those of `other`, in words; empty when they may be.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (&self.federation, &other.federation);
        let mut differences = Vec::new();
        let mut compare = |what: &str, before: String, now: String| {
            if before != now {
                differences.push(format!("{what} was {before}, is {now}"));
            }
        };
        compare("task.id", ours.task_id.0.to_string(), theirs.task_id.0.to_string());
        compare("the task", format!("{:?}", ours.task), format!("{:?}", theirs.task));
        compare("task.model_bits", ours.model_bits.to_string(), theirs.model_bits.to_string());
        compare("the scale", in_words(&ours.scale), in_words(&theirs.scale));
        compare("the strategy", format!("{:?}", ours.strategy), format!("{:?}", theirs.strategy));
        let staleness = |federation: &Federation| federation.cadence.max_staleness.to_string();
        compare("cadence.max_staleness", staleness(ours), staleness(theirs));
        let age = |federation: &Federation| format!("{} s", federation.max_frame_age.as_secs_f64());
        compare("cadence.max_frame_age_days", age(ours), age(theirs));
        compare("the signing key's public part", hex::encode(self.public_key), hex::encode(other.public_key));
        differences.extend(ours.devices.iter().filter_map(|device| lost(device, &theirs.devices)));
        differences
    }
}

fn in_words(scale: &ScaleSource) -> String {
    match scale {
        ScaleSource::Moments { .. } => "the sum of the nodes' moments".into(),
        ScaleSource::Schema(schema) => {
            let mut hash = Sha256::new();
            for (offset, gain) in schema {
                hash.update(offset.to_le_bytes());
                hash.update(gain.to_le_bytes());
            }
            format!(
                "a schema of {} features with digest {}",
                schema.len(),
                hex::encode(&hash.finalize()[..4])
            )
        }
    }
}

/// Its frames are in the ledger, and could not be opened again.
fn lost(device: &Enrolled, enrolled: &[Enrolled]) -> Option<String> {
    match enrolled.iter().find(|other| other.dev_eui == device.dev_eui) {
        None => Some(format!("device {} is not enrolled any more", device.dev_eui)),
        Some(other) if other.secret != device.secret => {
            Some(format!("device {} has another secret", device.dev_eui))
        }
        Some(_) => None,
    }
}

fn digest(device: &Enrolled) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"chirrup ledger device");
    hash.update(device.dev_eui.0);
    hash.update(device.secret);
    hash.finalize().into()
}
