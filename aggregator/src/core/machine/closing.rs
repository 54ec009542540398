//! Closing: the scale once, versions ever after.
use super::{Aggregator, SettledTask, VersionNote};
use crate::core::distribution::Published;
use crate::core::federation::{Federation, ScaleSource};
use crate::core::ledger::{Closing, Record, ReplayError, ScaleSettled};
use crate::core::version::{ContributionId, Version};
use chirrup_protocol::manifest::{MANIFEST_BYTES, Manifest, TrustAnchor, sha256};
use chirrup_protocol::message::contribution;
use chirrup_protocol::object::{MAX_OBJECT_BYTES, ObjectKind};
use chirrup_protocol::task::{Scale, Task};
use chirrup_protocol::time::{Duration, Instant};

/// Contributions that may wait for a version; at this number it closes whatever the cadence says.
const MAX_WAITING: usize = 4_096;
/// A version is published only when the one so many before it can no longer be meant: of a base version the low ten
/// bits travel.
pub const BASE_REACH: u32 = (1 << contribution::BASE_VERSION_BITS) - 1;

impl Aggregator {
    pub(super) fn scale_due_at(&self) -> Option<Instant> {
        match self.federation.scale {
            ScaleSource::Schema(_) => Some(Instant::ZERO),
            ScaleSource::Moments { devices, .. } if self.moments.complete_devices() >= devices => {
                self.first_moments_at
            }
            // A feature that nobody gave would have no scale, and be lost to the task for ever.
            ScaleSource::Moments { .. } if !self.moments.has_every_feature() => None,
            ScaleSource::Moments { patience, .. } => self.first_moments_at.map(|first| first + patience),
        }
    }

    pub(super) fn version_due_at(&self) -> Option<Instant> {
        let cadence = &self.federation.cadence;
        let wait = match self.waiting.len() {
            0 => return None,
            MAX_WAITING.. => Duration::ZERO,
            waiting if waiting >= cadence.buffer => cadence.min_interval,
            _ => cadence.max_interval,
        };
        Some((self.last_closing + wait).max(self.base_is_gone_at()))
    }

    /// No more contributions may wait, and no version may close yet.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    /// When no frame that names the version [`BASE_REACH`] before the next one may come any more: it was superseded,
    /// then its objects expired, then a frame may be as old as it may be.
    fn base_is_gone_at(&self) -> Instant {
        let next = self.current.as_ref().map_or(0, |current| current.number + 1);
        // Versions count from 1: this is the one that superseded it.
        let successor = next.checked_sub(BASE_REACH).and_then(|base| self.notes.get(base as usize));
        let Federation { object_lifetime, max_frame_age, .. } = self.federation;
        successor.map_or(Instant::ZERO, |note| {
            note.at + object_lifetime + max_frame_age + Duration::from_micros(1)
        })
    }

    pub(super) fn close_what_is_due(&mut self, now: Instant) {
        if self.task.is_none() && self.scale_due_at().is_some_and(|due| due <= now) {
            self.settle_scale(now);
        }
        if self.task.is_some() && self.version_due_at().is_some_and(|due| due <= now) {
            self.close_version(now);
        }
    }

    fn settle_scale(&mut self, at: Instant) {
        let (hash, task) = self.make_task();
        self.record(Record::ScaleSettled(ScaleSettled { at, hash }));
        self.publish_task(at, hash, &task);
    }

    pub(super) fn apply_scale(&mut self, settled: &ScaleSettled) -> Result<(), ReplayError> {
        if let Some(current) = &self.current {
            return Err(ReplayError::BrokenChain { version: 0, current: current.number });
        }
        let (hash, task) = self.make_task();
        if hash != settled.hash {
            return Err(ReplayError::WrongHash { what: "task", version: 1 });
        }
        self.publish_task(settled.at, hash, &task);
        Ok(())
    }

    fn make_task(&self) -> ([u8; 32], Vec<u8>) {
        let scales = match &self.federation.scale {
            ScaleSource::Schema(schema) => {
                schema.iter().map(|&(offset, gain)| Scale { offset, gain }).collect()
            }
            ScaleSource::Moments { .. } => self.moments.scales(),
        };
        let mut object = vec![0; MAX_OBJECT_BYTES];
        let length = self
            .federation
            .task
            .emit(&scales, &mut object)
            .expect("the number of features is checked when the configuration is read");
        object.truncate(length);
        (sha256(&object), object)
    }

    fn publish_task(&mut self, at: Instant, hash: [u8; 32], object: &[u8]) {
        let mut scales = Vec::new();
        Task::parse(object, |_, scale| scales.push(scale)).expect("the task was written a moment ago");
        self.task = Some(SettledTask { hash, scales });
        let stream = self.sign(at, ObjectKind::Task, 1, [0; 32], 0, object);
        self.registry.publish_task(Published { version: 1, signed_at: at, stream });
        self.current = Some(Version::zero(&self.federation.task, hash));
        self.last_closing = at;
    }

    fn close_version(&mut self, at: Instant) {
        let (Some(parent), Some(task)) = (&self.current, &self.task) else { return };
        let contributions: Vec<_> =
            self.waiting.iter().map(|(id, contribution)| (*id, contribution)).collect();
        let next = parent
            .next(&self.federation, task.hash, &contributions)
            .expect("strategies keep parameters within what the codec carries");
        let closing = Closing {
            at,
            version: next.number,
            parent: parent.hash,
            contributions: contributions.iter().map(|(id, _)| *id).collect(),
            hash: next.hash,
        };
        self.record(Record::Closing(closing.clone()));
        self.publish_version(&closing, next);
    }

    pub(super) fn apply_closing(&mut self, closing: &Closing) -> Result<(), ReplayError> {
        let broken = |current| ReplayError::BrokenChain { version: closing.version, current };
        let (Some(parent), Some(task)) = (&self.current, &self.task) else { return Err(broken(0)) };
        if closing.parent != parent.hash || closing.version != parent.number + 1 {
            return Err(broken(parent.number));
        }
        if !closing.contributions.is_sorted_by(|a, b| a < b) {
            return Err(ReplayError::Unordered { version: closing.version });
        }
        let find = |id: &ContributionId| {
            let unknown = ReplayError::UnknownContribution { version: closing.version, id: *id };
            self.waiting.get(id).map(|contribution| (*id, contribution)).ok_or(unknown)
        };
        let contributions: Vec<_> = closing.contributions.iter().map(find).collect::<Result<_, _>>()?;
        let next = parent
            .next(&self.federation, task.hash, &contributions)
            .map_err(|error| ReplayError::Object(error.to_string()))?;
        if next.hash != closing.hash {
            return Err(ReplayError::WrongHash { what: "version", version: closing.version });
        }
        self.publish_version(closing, next);
        Ok(())
    }

    fn publish_version(&mut self, closing: &Closing, next: Version) {
        let staleness = |id: &ContributionId| {
            let taken = self.waiting.remove(id).expect("the closing record names what waits");
            u64::from(closing.version - 1 - taken.base_version)
        };
        let staleness = closing.contributions.iter().map(staleness).sum();
        self.notes.push(VersionNote {
            number: next.number,
            hash: next.hash,
            at: closing.at,
            contributions: closing.contributions.len(),
            staleness,
            evaluated: (0, 0),
        });
        let bits = self.federation.model_bits;
        let stream =
            self.sign(closing.at, ObjectKind::Model, next.number, closing.parent, bits, &next.object);
        self.registry.publish_model(Published { version: next.number, signed_at: closing.at, stream });
        self.last_closing = closing.at;
        self.current = Some(next);
    }

    /// Signs the newest objects anew once half of their lifetime is over: a node that restarts in a federation which
    /// has stood still must not find them expired.
    pub(super) fn renew_manifests(&mut self, now: Instant) {
        let lifetime = self.federation.object_lifetime;
        let anchor = TrustAnchor::of(&self.signing_key);
        for published in self.registry.newest_mut() {
            if (now - published.signed_at).saturating_mul(2) < lifetime {
                continue;
            }
            let (manifest, object) = published.stream.split_at_mut(MANIFEST_BYTES);
            let former = Manifest::verify(manifest, object, &anchor).expect("it was signed with this key");
            let renewed = Manifest { expires_s: (now + lifetime).as_secs() as u32, ..former };
            manifest.copy_from_slice(&renewed.sign(&self.signing_key));
            published.signed_at = now;
        }
    }

    fn sign(
        &self,
        at: Instant,
        kind: ObjectKind,
        version: u32,
        parent: [u8; 32],
        codec: u8,
        object: &[u8],
    ) -> Vec<u8> {
        let parent = *parent.first_chunk().expect("a hash has more than eight bytes");
        let manifest = Manifest {
            kind,
            task: self.federation.task_id,
            codec,
            version,
            parent,
            object_bytes: object.len() as u16,
            key_id: 0,
            expires_s: (at + self.federation.object_lifetime).as_secs() as u32,
            sha256: sha256(object),
        };
        let mut stream = manifest.sign(&self.signing_key).to_vec();
        stream.extend_from_slice(object);
        stream
    }
}
