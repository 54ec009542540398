//! Ledger files that somebody made up: refused or replayed, never a panic. Their digests are right.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use chirrup_aggregator::core::federation::{Cadence, Enrolled, Federation, ScaleSource};
use chirrup_aggregator::core::strategy::{Strategy as Combining, fedbuff::FedBuff};
use chirrup_aggregator::core::{Action, Aggregator, Event, Record};
use chirrup_aggregator::export;
use chirrup_protocol::backhaul::{Reception, Uplink, UplinkId};
use chirrup_protocol::codec::topk;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::{DevAddr, DevEui, GatewayId, TaskId};
use chirrup_protocol::message::contribution::{BaseVersion, Contribution, ExampleCount};
use chirrup_protocol::message::port;
use chirrup_protocol::region::DataRate;
use chirrup_protocol::seal::{self, Binding, DeviceSecret, Direction};
use chirrup_protocol::task::{Forms, Learner, Participation, Task};
use chirrup_protocol::time::{Duration, Instant};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const DEV_EUI: DevEui = DevEui([7; 8]);
const SECRET: [u8; 32] = [8; 32];

fn federation() -> Federation {
    let participation =
        Participation { min_examples: 4, max_examples: 100, price_nats_per_s: 0.1, max_per_version: 2 };
    Federation {
        task_id: TaskId(3),
        task: Task {
            features: 2,
            classes: 2,
            learner: Learner::Softmax { learning_rate: 0.1, l2: 0.0 },
            forms: Forms::one(UpdateCodec::TopK.form(40)),
            participation,
        },
        scale: ScaleSource::Schema(vec![(0.0, 1.0); 2]),
        model_bits: 6,
        strategy: Combining::FedBuff(FedBuff { staleness_exponent: 0.5, server_rate: 1.0 }),
        cadence: Cadence {
            buffer: 2,
            min_interval: Duration::from_secs(60),
            max_interval: Duration::from_secs(600),
            max_staleness: 9,
        },
        downlink_bytes: 115,
        data_rate_advice: None,
        object_lifetime: Duration::from_secs(3_600),
        max_frame_age: Duration::from_secs(3_600),
        devices: vec![Enrolled { dev_eui: DEV_EUI, secret: SECRET, revoked_from: None }],
    }
}

fn uplink(counter: u8) -> Uplink {
    let mut payload = [0; 40];
    let length = topk::encode(&[1.0, -0.5, 0.0, 0.25, 0.0, 0.0], &mut payload).unwrap();
    let examples = ExampleCount::at_most(10);
    let payload = &payload[..length];
    let contribution = Contribution {
        task: TaskId(3),
        block: 0,
        base: BaseVersion::of(0),
        sequence: counter,
        examples,
        payload,
    };
    let mut message = [0; 60];
    let length = contribution.emit(&mut message).unwrap();
    let key = DeviceSecret::new(SECRET).frame_key(DEV_EUI, 0, Direction::Up);
    let binding = Binding { dev_eui: DEV_EUI, epoch: 0, direction: Direction::Up, fport: port::CONTRIBUTION };
    let mut frame = vec![0; length + seal::OVERHEAD_BYTES];
    seal::seal(&key, binding, counter.into(), &message[..length], &mut frame).unwrap();
    Uplink {
        id: UplinkId(counter.into()),
        received_at: Instant::from_micros(u64::from(counter) * 60_000_000),
        dev_eui: DEV_EUI,
        dev_addr: DevAddr([1; 4]),
        fcnt: counter.into(),
        fport: port::CONTRIBUTION,
        data_rate: DataRate(3),
        receptions: vec![Reception { gateway: GatewayId([2; 8]), rssi_dbm: -90, snr_tenth_db: 70 }],
        payload: frame,
    }
}

/// Records of a federation that published two versions.
fn records() -> Vec<Record> {
    let mut aggregator = Aggregator::new(federation(), SigningKey::from_bytes(&[1; 32]));
    let mut records = Vec::new();
    aggregator.handle(Instant::ZERO, Event::DeadlineReached);
    for counter in 0..5 {
        let uplink = uplink(counter);
        aggregator.handle(uplink.received_at, Event::UplinkReceived { via: GatewayId([2; 8]), uplink });
        while let Some(action) = aggregator.poll_action() {
            if let Action::Append(record) = action {
                records.push(record);
            }
        }
    }
    records
}

fn ledger() -> Vec<u8> {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("ledger");
    export::write(&path, &federation(), records().into_iter()).unwrap();
    std::fs::read(path).unwrap()
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

#[test]
fn a_ledger_is_read_as_it_was_written() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("ledger");
    let records = records();
    let count = export::write(&path, &federation(), records.iter().cloned()).unwrap();
    assert_eq!(count, records.len() as u64);
    assert_eq!(export::read(&path).unwrap(), (federation(), records.clone()));
    let replayed = export::replay(federation(), &records).unwrap();
    assert_eq!((replayed.versions.len(), replayed.accepted), (2, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Bytes of a good ledger replaced, and the digest made to match.
    #[test]
    fn a_made_up_ledger_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = ledger();
        bytes.truncate(bytes.len() - 32);
        for (index, value) in &changes {
            // The header is not of interest.
            let index = 9 + index.index(bytes.len() - 9);
            bytes[index] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(9 + cut.index(bytes.len() - 9));
        }
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("ledger");
        std::fs::write(&path, sealed(bytes)).unwrap();
        if let Ok((federation, records)) = export::read(&path)
            && let Ok(replayed) = export::replay(federation, &records)
        {
            prop_assert!(replayed.accepted <= 5);
        }
    }
}
