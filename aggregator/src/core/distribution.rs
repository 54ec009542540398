//! Which object a device lacks, and the chunks it is sent next. A Class-A node hears only after it spoke, so this
//! answers one uplink with at most one run of chunks.
use chirrup_protocol::message::chunk::Chunk;
use chirrup_protocol::message::status::{Progress, Status};
use chirrup_protocol::object::{
    ObjectKind, ObjectTag, VERSION_BITS, chunk_count, is_whole, next_chunk, with_chunk,
};
use chirrup_protocol::time::Instant;
use std::collections::BTreeMap;

/// Model versions whose streams are kept, so that a device which has most of one may get the rest.
const KEPT_MODELS: usize = 4;

/// What has been published.
#[derive(Debug, Default)]
pub struct Registry {
    task: Option<Published>,
    models: BTreeMap<u32, Published>,
}

/// A published object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its version.
    pub version: u32,
    /// When its manifest was signed.
    pub signed_at: Instant,
    /// Signed manifest and bytes.
    pub stream: Vec<u8>,
}

/// What a device is known to hold, and what is on its way to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Version of the task object, zero without one.
    pub task_version: u32,
    /// Version of the model, zero without one.
    pub model_version: u32,
    transfer: Option<Transfer>,
    /// Newest version of the model of which anything was sent.
    begun: u32,
    /// It says that it has every chunk of an object that it does not hold.
    awaits_time: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Transfer {
    kind: ObjectKind,
    version: u32,
    progress: Progress,
}

impl Registry {
    /// Publishes the task.
    pub fn publish_task(&mut self, published: Published) {
        self.task = Some(published);
    }

    /// Publishes a model.
    pub fn publish_model(&mut self, published: Published) {
        self.models.insert(published.version, published);
        while self.models.len() > KEPT_MODELS {
            self.models.pop_first();
        }
    }

    /// The newest task.
    pub const fn task(&self) -> Option<&Published> {
        self.task.as_ref()
    }

    /// The newest model.
    pub fn model(&self) -> Option<&Published> {
        self.models.last_key_value().map(|(_, published)| published)
    }

    /// The newest model that a device with model `held` does not take for the one it has, by its tag.
    fn model_unlike(&self, held: u32) -> Option<&Published> {
        let tag = ObjectTag::new(ObjectKind::Model, held);
        let looks_held = |version| held > 0 && ObjectTag::new(ObjectKind::Model, version) == tag;
        self.models.values().rev().find(|model| model.version == held || !looks_held(model.version))
    }

    /// The newest task and the newest model.
    pub fn newest_mut(&mut self) -> impl Iterator<Item = &mut Published> {
        let model = self.models.last_entry().map(|entry| entry.into_mut());
        self.task.iter_mut().chain(model)
    }

    fn newest(&self, kind: ObjectKind) -> Option<&Published> {
        match kind {
            ObjectKind::Task => self.task(),
            ObjectKind::Model => self.model(),
            ObjectKind::Keys => None,
        }
    }

    fn get(&self, kind: ObjectKind, version: u32) -> Option<&Published> {
        match kind {
            ObjectKind::Task => self.task.as_ref().filter(|task| task.version == version),
            ObjectKind::Model => self.models.get(&version),
            ObjectKind::Keys => None,
        }
    }

    /// Length of an object's stream. Models of one task are all as long, also those that are kept no more.
    fn stream_bytes(&self, Transfer { kind, version, .. }: Transfer) -> Option<usize> {
        let published = self.get(kind, version).or_else(|| self.newest(kind));
        published.map(|published| published.stream.len())
    }

    /// The version, not newer than the newest, that a number's low `bits` bits stand for.
    fn version_of(&self, kind: ObjectKind, low: u8, bits: u32) -> u32 {
        let newest = self.newest(kind).map_or(0, |published| published.version);
        let mask = (1u32 << bits) - 1;
        newest.saturating_sub(newest.wrapping_sub(low.into()) & mask)
    }
}

impl Holding {
    /// Takes over what a device says of itself.
    pub fn update(&mut self, registry: &Registry, status: &Status) {
        let version = |kind, low: Option<u8>| low.map_or(0, |low| registry.version_of(kind, low, 8));
        self.task_version = version(ObjectKind::Task, status.task_version_low);
        self.model_version = version(ObjectKind::Model, status.model_version_low);
        self.transfer = status.progress.map(|progress| {
            let ObjectTag { kind, version_low } = progress.object;
            Transfer { kind, version: registry.version_of(kind, version_low, VERSION_BITS), progress }
        });
        self.awaits_time = self.transfer.is_some_and(|transfer| {
            let is_known = transfer.version > self.version(transfer.kind);
            is_known
                && registry.stream_bytes(transfer).is_some_and(|bytes| is_whole(transfer.progress, bytes))
        });
    }

    /// Whether the device needs to be told the time before anything else: it has received a whole object and does not
    /// use it, as it would have expired by the device's clock. More chunks would meet with the same.
    pub const fn awaits_time(&self) -> bool {
        self.awaits_time
    }

    /// The time has been sent. It counts as received until the device says otherwise.
    pub const fn told_time(&mut self) {
        self.awaits_time = false;
    }

    /// Takes over what a contribution says: its device holds the task, and the version it began from.
    pub fn contributed(&mut self, registry: &Registry, base_version: u32) {
        self.task_version = registry.task().map_or(0, |task| task.version);
        self.model_version = base_version;
    }

    /// Whether the device holds the newest of everything.
    pub fn is_current(&self, registry: &Registry) -> bool {
        self.wanted(registry).is_none()
    }

    /// The chunks to send next, if any are missing. They count as received until the device says otherwise.
    pub fn next_chunk<'r>(&mut self, registry: &'r Registry, message_bytes: usize) -> Option<Chunk<'r>> {
        let wanted = self.wanted(registry)?;
        let transfer = match self.transfer {
            Some(transfer) if self.is_worth_finishing(registry, wanted, transfer) => transfer,
            _ => {
                let (kind, version) = wanted;
                Transfer { kind, version, progress: Progress::none_of(kind, version) }
            }
        };
        if transfer.kind == ObjectKind::Model {
            self.begun = self.begun.max(transfer.version);
        }
        let published = registry.get(transfer.kind, transfer.version)?;
        let tag = ObjectTag::new(transfer.kind, transfer.version);
        let chunk = next_chunk(tag, &published.stream, transfer.progress, message_bytes)?;
        self.transfer = Some(Transfer { progress: with_chunk(transfer.progress, &chunk), ..transfer });
        Some(chunk)
    }

    /// The task first: without it a model means nothing.
    fn wanted(&self, registry: &Registry) -> Option<(ObjectKind, u32)> {
        let task = registry.task()?;
        if self.task_version != task.version {
            return Some((ObjectKind::Task, task.version));
        }
        let model = registry.model_unlike(self.model_version)?;
        (self.model_version < model.version).then_some((ObjectKind::Model, model.version))
    }

    /// A device that has most of an older version gets the rest, or a busy federation would starve slow links. Never
    /// when something newer was sent already: it may be on its way still, a device keeps chunks of one object only, and
    /// two that replace each other would both never end.
    fn is_worth_finishing(&self, registry: &Registry, wanted: (ObjectKind, u32), transfer: Transfer) -> bool {
        if transfer.kind != wanted.0 || transfer.version <= self.version(transfer.kind) {
            return false;
        }
        if transfer.kind == ObjectKind::Model && transfer.version < self.begun.min(wanted.1) {
            return false;
        }
        let Some(published) = registry.get(transfer.kind, transfer.version) else { return false };
        let chunks = chunk_count(published.stream.len());
        let received = usize::from(transfer.progress.first_missing)
            + transfer.progress.received_after.count_ones() as usize;
        transfer.version == wanted.1 || (received < chunks && received * 2 >= chunks)
    }

    const fn version(&self, kind: ObjectKind) -> u32 {
        match kind {
            ObjectKind::Task => self.task_version,
            ObjectKind::Model => self.model_version,
            // None has been published, and no device is known to hold any.
            ObjectKind::Keys => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(models: &[u32]) -> Registry {
        let mut registry = Registry::default();
        registry.publish_task(Published { version: 1, signed_at: Instant::ZERO, stream: vec![1; 200] });
        for &version in models {
            registry.publish_model(Published { version, signed_at: Instant::ZERO, stream: vec![2; 340] });
        }
        registry
    }

    /// Zero stands for none.
    fn status(task: u8, model: u8, progress: Option<Progress>) -> Status {
        let [task_version_low, model_version_low] = [task, model].map(|low| (low > 0).then_some(low));
        Status {
            task_version_low,
            model_version_low,
            battery: 255,
            progress,
            evaluation: None,
            downlinks_from: None,
        }
    }

    #[test]
    fn the_task_comes_first_and_then_the_newest_model() {
        let registry = registry(&[1, 2, 3]);
        let mut holding = Holding::default();
        let first = holding.next_chunk(&registry, 104).unwrap();
        assert_eq!((first.object.kind, first.first, first.bytes.len()), (ObjectKind::Task, 0, 102));
        assert_eq!(holding.next_chunk(&registry, 104).unwrap().first, 3);
        assert_eq!(holding.next_chunk(&registry, 104), None, "all sent, until a status says what was lost");
        holding.update(&registry, &status(1, 0, None));
        let model = holding.next_chunk(&registry, 104).unwrap();
        assert_eq!((model.object, model.first), (ObjectTag::new(ObjectKind::Model, 3), 0));
        holding.update(&registry, &status(1, 3, None));
        assert!(holding.is_current(&registry));
    }

    #[test]
    fn a_device_awaits_the_time_while_it_has_every_chunk_of_what_it_does_not_hold() {
        let registry = registry(&[1, 2, 3, 4, 5, 6]);
        // Ten chunks a model, six a task; version 1 is not kept any more.
        let cases = [
            (ObjectKind::Model, 6, 10, 0, true),
            (ObjectKind::Model, 1, 10, 0, true),
            (ObjectKind::Model, 6, 9, 0, false),
            (ObjectKind::Model, 6, 10, 6, false),
            (ObjectKind::Task, 1, 6, 0, true),
            (ObjectKind::Task, 1, 5, 0, false),
        ];
        for (kind, version, first_missing, model, awaits) in cases {
            let progress =
                Progress { object: ObjectTag::new(kind, version), first_missing, received_after: 0 };
            let task = u8::from(kind == ObjectKind::Model);
            let mut holding = Holding::default();
            holding.update(&registry, &status(task, model, Some(progress)));
            assert_eq!(holding.awaits_time(), awaits, "{progress:?}");
            holding.told_time();
            assert!(!holding.awaits_time());
        }
        let mut holding = Holding::default();
        while holding.next_chunk(&registry, 104).is_some() {}
        assert!(!holding.awaits_time(), "sent is not received");
    }

    #[test]
    fn a_lost_chunk_is_sent_alone() {
        let registry = registry(&[1]);
        let mut holding = Holding::default();
        let object = ObjectTag::new(ObjectKind::Model, 1);
        let progress = Progress { object, first_missing: 2, received_after: 0b111_1111 };
        holding.update(&registry, &status(1, 0, Some(progress)));
        let chunk = holding.next_chunk(&registry, 231).unwrap();
        assert_eq!((chunk.first, chunk.bytes.len()), (2, 34));
        assert_eq!(holding.next_chunk(&registry, 231), None);
    }

    #[test]
    fn an_older_version_is_finished_only_when_most_of_it_has_arrived() {
        let registry = registry(&[1, 2]);
        let object = ObjectTag::new(ObjectKind::Model, 1);
        for (first_missing, sent) in [(4, 2), (5, 1)] {
            let mut holding = Holding::default();
            let progress = Progress { object, first_missing, received_after: 0 };
            holding.update(&registry, &status(1, 0, Some(progress)));
            let chunk = holding.next_chunk(&registry, 104).unwrap();
            assert_eq!(
                chunk.object,
                ObjectTag::new(ObjectKind::Model, sent),
                "{first_missing} of 10 received"
            );
        }
    }

    /// Exchanges until a receiver that keeps one object has version 2, which is published at one of them, behind a
    /// backhaul that brings each answer with the next uplink only.
    fn exchanges_of_a_late_backhaul(stream_bytes: usize, published_at: usize) -> Option<usize> {
        let model = |version| Published { version, signed_at: Instant::ZERO, stream: vec![2; stream_bytes] };
        let mut registry = registry(&[]);
        registry.publish_model(model(1));
        let (mut holding, mut on_its_way) = (Holding::default(), None);
        let (mut held, mut progress) = (0, None);
        (0..40).find(|&exchange| {
            if exchange == published_at {
                registry.publish_model(model(2));
            }
            holding.update(&registry, &status(1, held, progress));
            let answer = holding.next_chunk(&registry, 104);
            let answer = answer.map(|chunk| (chunk.object, chunk.first, chunk.bytes.len()));
            let Some((object, first, length)) = std::mem::replace(&mut on_its_way, answer) else {
                return false;
            };
            let version = object.version_low;
            if version <= held {
                return false;
            }
            let kept = progress.filter(|kept: &Progress| kept.object == object);
            let chunk = Chunk { object, first, bytes: &vec![2; length] };
            let received = with_chunk(kept.unwrap_or(Progress::none_of(object.kind, version.into())), &chunk);
            let is_whole = usize::from(received.first_missing) == chunk_count(stream_bytes);
            (held, progress) = if is_whole { (version, None) } else { (held, Some(received)) };
            held == 2
        })
    }

    #[test]
    fn answers_that_come_one_uplink_late_end_in_the_newest_model() {
        for (stream_bytes, published_at) in
            (1..=12).flat_map(|chunks| (0..8).map(move |at| (34 * chunks, at)))
        {
            let exchanges = exchanges_of_a_late_backhaul(stream_bytes, published_at);
            assert!(
                exchanges.is_some(),
                "{stream_bytes} bytes, version 2 published at exchange {published_at}"
            );
        }
    }

    /// 9 and 73 have the same six low bits: a node that holds 9 would ignore 73, so it gets 72 first.
    #[test]
    fn a_version_that_looks_like_the_one_held_waits_for_another() {
        let registry = registry(&[71, 72, 73]);
        let mut holding = Holding::default();
        for (held, next) in [(9, 72), (8, 73), (72, 73)] {
            holding.update(&registry, &status(1, held, None));
            let chunk = holding.next_chunk(&registry, 104).unwrap();
            assert_eq!(chunk.object, ObjectTag::new(ObjectKind::Model, next), "held {held}");
        }
        holding.update(&registry, &status(1, 73, None));
        assert!(holding.is_current(&registry));
    }

    #[test]
    fn versions_are_understood_across_the_wrap_of_their_low_bits() {
        let registry = registry(&[255, 256, 257]);
        let mut holding = Holding::default();
        holding.update(&registry, &Status { model_version_low: Some(0), ..status(1, 0, None) });
        assert_eq!(holding.model_version, 256);
        holding.update(&registry, &status(1, 0, None));
        assert_eq!(holding.model_version, 0, "a node without a model is no node with version 256");
        holding.update(&registry, &status(1, 1, None));
        assert_eq!(holding.model_version, 257);
        holding.update(&registry, &status(1, 2, None));
        assert_eq!(holding.model_version, 2);
    }
}
