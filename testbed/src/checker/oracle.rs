//! Every version is what its closing record says: a second aggregator, as plain as it can be.
//!
//! It reads a ledger once, from front to back. Contributions are those of [`super::contributions`]; what became of them
//! is decided here again: base version, staleness, repetition, arithmetic, hash. Shared with the aggregator are the
//! decoders of codecs, `libm`, SHA-256, and the task's hash, which stands in the ledger and is reproduced by
//! `chirrup replay`.
use super::contributions::Meant;
use super::{Findings, Violation, models};
use chirrup_aggregator::core::Federation;
use chirrup_aggregator::core::ledger::{Closing, Record};
use chirrup_aggregator::core::strategy::Strategy;
use chirrup_aggregator::core::version::ContributionId;
use chirrup_protocol::codec::linear;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::task::Kind;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// One in fixed point.
const ONE: f64 = 4_294_967_296.0;
/// Largest magnitude of a parameter or change, in fixed point.
const LARGEST: i128 = 32_768 << 32;

/// Reads a ledger. Returns what was found of contributions, of versions, and the digests of the models that nodes may
/// run, by version.
pub fn check(
    federation: &Federation,
    ledger: &[Record],
    arrived: &[Option<Meant>],
) -> (Findings, Findings, BTreeMap<u32, u64>) {
    let mut oracle = Oracle::new(federation);
    for (record, meant) in ledger.iter().zip(arrived) {
        match record {
            Record::Frame { .. } => {
                if let Some(meant) = meant {
                    oracle.take_in(meant);
                }
            }
            Record::ScaleSettled(settled) => oracle.begin(settled.hash),
            Record::Closing(closing) => oracle.close(closing),
            Record::DownlinkCounters { .. } => {}
        }
    }
    (oracle.contributions, oracle.versions, oracle.published)
}

/// A contribution that waits.
struct Waiting {
    base: u32,
    examples: u32,
    /// `[n_params]`, fixed point; 0 where nothing was said.
    changes: Vec<i64>,
}

struct Oracle<'f> {
    federation: &'f Federation,
    codec: Option<UpdateCodec>,
    columns: usize,
    task: Option<[u8; 32]>,
    number: u32,
    hash: [u8; 32],
    params: Vec<i64>,
    waiting: BTreeMap<ContributionId, Waiting>,
    taken: BTreeSet<ContributionId>,
    contributions: Findings,
    versions: Findings,
    published: BTreeMap<u32, u64>,
}

impl<'f> Oracle<'f> {
    fn new(federation: &'f Federation) -> Self {
        let columns = usize::from(federation.task.features) + 1;
        Self {
            codec: federation.task.forms.of_kind(Kind::Update).and_then(|form| UpdateCodec::of(form).ok()),
            columns,
            task: None,
            number: 0,
            hash: [0; 32],
            params: vec![0; columns * usize::from(federation.task.classes)],
            waiting: BTreeMap::new(),
            taken: BTreeSet::new(),
            contributions: Findings::default(),
            versions: Findings::default(),
            published: BTreeMap::new(),
            federation,
        }
    }

    /// The task is settled: version 0, all zeros.
    fn begin(&mut self, task: [u8; 32]) {
        self.task = Some(task);
        self.hash = self.chain_hash([0; 32], task, 0, &[]);
    }

    /// A frame says this. Whatever has no meaning now never will have.
    fn take_in(&mut self, meant: &Meant) {
        if self.task.is_none() || meant.id.task != self.federation.task_id || self.taken.contains(&meant.id) {
            return;
        }
        // The newest version so far whose low ten bits these are.
        let Some(base) = (0..=self.number).rev().find(|version| version & 0x3ff == meant.base_low) else {
            return;
        };
        if self.number - base > self.federation.cadence.max_staleness {
            return;
        }
        let Some(changes) = self.decode(meant) else { return };
        self.taken.insert(meant.id);
        self.waiting.insert(meant.id, Waiting { base, examples: meant.examples, changes });
    }

    fn decode(&self, meant: &Meant) -> Option<Vec<i64>> {
        let codec = self.codec?;
        let mut update = vec![0.0; self.params.len()];
        let mut scratch = vec![0.0; codec.scratch_len(update.len(), self.columns)];
        let said: Vec<usize> =
            codec.decode(&meant.payload, self.columns, meant.seed, &mut scratch, &mut update).ok()?.collect();
        let mut changes = vec![0; update.len()];
        for index in said {
            let fixed = f64::from(update[index]) * ONE;
            let is_in_range = fixed >= -(LARGEST as f64) && fixed <= LARGEST as f64;
            changes[index] = is_in_range.then(|| libm::round(fixed) as i64)?;
        }
        Some(changes)
    }

    fn close(&mut self, closing: &Closing) {
        let version = closing.version;
        self.versions.look();
        if version != self.number + 1 || closing.parent != self.hash {
            self.versions.find(Violation::Chain { version, last: self.number });
        }
        let named = self.named(closing);
        self.params = self.combined(&named);
        let Some(task) = self.task else {
            return self.versions.find(Violation::Chain { version, last: self.number });
        };
        let oracle = self.chain_hash(closing.parent, task, version, &closing.contributions);
        if oracle != closing.hash {
            let (at, have) = (closing.at, closing.hash);
            self.versions.find(Violation::Version { version, at, have, oracle });
        }
        // Goes on from what the ledger says, so that one fault is not found in all that follows.
        (self.number, self.hash) = (version, closing.hash);
        self.publish(version);
    }

    /// What a closing record names, out of what waits; nothing must be left.
    fn named(&mut self, closing: &Closing) -> Vec<Waiting> {
        let (version, mut named) = (closing.version, Vec::new());
        for &id in &closing.contributions {
            self.contributions.look();
            match self.waiting.remove(&id) {
                Some(waiting) => named.push(waiting),
                None if self.taken.contains(&id) => {
                    self.contributions.find(Violation::CountedTwice { version, id });
                }
                None => self.contributions.find(Violation::NeverArrived { version, id }),
            }
        }
        let left: Vec<ContributionId> = std::mem::take(&mut self.waiting).into_keys().collect();
        left.into_iter().for_each(|id| self.contributions.find(Violation::LeftOut { version, id }));
        named
    }

    /// Buffered averaging, parameter by parameter: the mean of the changes, each weighed by its examples and
    /// (1 + staleness) to the power of minus the exponent, times the server's rate.
    fn combined(&self, named: &[Waiting]) -> Vec<i64> {
        let Strategy::FedBuff(fedbuff) = self.federation.strategy;
        let sixteen_bits = |value: f32| libm::round(f64::from(value) * 65_536.0) as i128;
        let weight = |waiting: &Waiting| {
            let staleness = self.number.saturating_sub(waiting.base);
            let fade = libm::powf(1.0 + staleness as f32, -fedbuff.staleness_exponent);
            sixteen_bits(fade) * i128::from(waiting.examples)
        };
        let total: i128 = named.iter().map(weight).sum();
        if total == 0 {
            return self.params.clone();
        }
        let moved = |(index, &param): (usize, &i64)| {
            let sum: i128 =
                named.iter().map(|waiting| weight(waiting) * i128::from(waiting.changes[index])).sum();
            let (numerator, denominator) = (sum * sixteen_bits(fedbuff.server_rate), total * 65_536);
            // To the nearest, halves away from zero.
            let step = numerator.signum() * ((2 * numerator.abs() + denominator) / (2 * denominator));
            (i128::from(param) + step).clamp(-LARGEST, LARGEST) as i64
        };
        self.params.iter().enumerate().map(moved).collect()
    }

    fn chain_hash(&self, parent: [u8; 32], task: [u8; 32], number: u32, ids: &[ContributionId]) -> [u8; 32] {
        let mut bytes = b"chirrup version".to_vec();
        bytes.extend(parent);
        bytes.extend(task);
        bytes.extend(number.to_le_bytes());
        bytes.extend((ids.len() as u64).to_le_bytes());
        for id in ids {
            bytes.extend(id.dev_eui.0);
            bytes.extend([id.task.0, id.block]);
            bytes.extend(id.sequence.to_le_bytes());
        }
        self.params.iter().for_each(|param| bytes.extend(param.to_le_bytes()));
        Sha256::digest(&bytes).into()
    }

    /// What nodes come to run: the model as it is quantised for them.
    fn publish(&mut self, version: u32) {
        let params: Vec<f32> = self.params.iter().map(|&param| (param as f64 / ONE) as f32).collect();
        let (rows, bits) = (self.federation.task.classes.into(), self.federation.model_bits);
        let mut object = vec![0; linear::encoded_bytes(rows, self.columns, bits)];
        let mut deployed = vec![0.0; params.len()];
        let quantised = linear::encode(&params, self.columns, bits, &mut object)
            .and_then(|_| linear::decode(&object, self.columns, bits, &mut deployed));
        if quantised.is_ok() {
            self.published.insert(version, models::digest(&deployed));
        }
    }
}
