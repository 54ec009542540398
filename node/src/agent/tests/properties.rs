//! Whatever happens, in whatever order: the agent makes progress, and no counter is used twice.
use super::bench::*;
use crate::agent::{Action, AgentConfig, AgentSnapshot, Event, Link, Refusal};
use chirrup_protocol::epoch::Limits;
use chirrup_protocol::message::control::{Control, MomentsWanted};
use chirrup_protocol::message::port;
use chirrup_protocol::object::{ObjectKind, ObjectTag};
use chirrup_protocol::region::DataRate;
use chirrup_protocol::time::{Duration, Instant};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What the surroundings do in answer to whatever the agent wants.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Fails,
    Refused(u8),
    Unanswered,
    Answered,
    Garbage(u8),
    Control { data_rate: Option<u8>, wants_moments: bool },
    Chunk { kind: ObjectKind, version: u32, index: usize },
    Samples(u8),
    Waits(u32),
    LosesSession,
    PowerCut,
}

fn turn() -> impl Strategy<Value = Turn> {
    let kind =
        prop_oneof![2 => Just(ObjectKind::Task), 2 => Just(ObjectKind::Model), 1 => Just(ObjectKind::Keys)];
    prop_oneof![
        1 => Just(Turn::Fails),
        1 => (0u8..5).prop_map(Turn::Refused),
        2 => Just(Turn::Unanswered),
        2 => Just(Turn::Answered),
        1 => any::<u8>().prop_map(Turn::Garbage),
        2 => (proptest::option::of(0u8..6), any::<bool>())
            .prop_map(|(data_rate, wants_moments)| Turn::Control { data_rate, wants_moments }),
        8 => (kind, 1u32..3, 0usize..6)
            .prop_map(|(kind, version, index)| Turn::Chunk { kind, version, index }),
        4 => (1u8..40).prop_map(Turn::Samples),
        1 => (1u32..200_000).prop_map(Turn::Waits),
        1 => Just(Turn::LosesSession),
        1 => Just(Turn::PowerCut),
    ]
}

/// Everything that outlives a power cut, and what an eavesdropper noted.
struct Life {
    now: Instant,
    flash: AgentSnapshot,
    peer: Peer,
    joined: bool,
    /// Epoch and counter of every frame.
    used: BTreeSet<(u32, u64)>,
    last_frame_at: Option<Instant>,
}

impl Life {
    /// Runs until the power is cut. Returns how many turns were taken.
    fn run(&mut self, board: &mut Board, turns: &[Turn]) -> Result<usize, TestCaseError> {
        let epoch_limits = Limits { counters: 90, age: Duration::from_secs(150_000) };
        let config = AgentConfig { epoch_limits, ..config(SHAPE) };
        let mut node = board.power_on_as(config, self.flash, self.now);
        node.link.joined = self.joined;
        node.peer = self.peer;
        let mut tuned = 0;
        for (index, turn) in turns.iter().enumerate() {
            match turn {
                Turn::PowerCut => return Ok(index + 1),
                Turn::Samples(count) => node.learn(usize::from(*count)),
                Turn::Waits(s) => node.now = node.now + Duration::from_secs((*s).into()),
                Turn::LosesSession => (node.link.joined, self.joined) = (false, false),
                _ => {}
            }
            let polled = node.agent.poll_action(node.now, &node.link);
            match polled {
                None => {
                    let due = node.agent.next_deadline(node.now, &node.link);
                    prop_assert!(due > node.now, "busy at {} until {due}", node.now);
                    prop_assert!(due < node.now + Duration::from_secs(200_000), "asleep until {due}");
                    node.now = due;
                }
                Some(Action::UseDataRate(data_rate)) => {
                    node.link = Link { joined: node.link.joined, ..link(data_rate) };
                    tuned += 1;
                }
                Some(action) => {
                    prop_assert_eq!(node.agent.poll_action(node.now, &node.link), None);
                    prop_assert_eq!(node.agent.next_deadline(node.now, &node.link), Instant::NEVER);
                    self.serve(&mut node, action, *turn)?;
                }
            }
            self.now = node.now;
            self.peer = node.peer;
        }
        prop_assert!(tuned <= turns.len() / 2 + 1, "the data rate follows an exchange, never another change");
        Ok(turns.len())
    }

    fn serve(&mut self, node: &mut Node<'_>, action: Action, turn: Turn) -> Result<(), TestCaseError> {
        let fails = matches!(turn, Turn::Fails);
        match action {
            Action::UseDataRate(_) => unreachable!("taken care of before"),
            Action::Join if fails => node.agent.handle(node.now, Event::JoinFailed { not_before: node.now }),
            Action::Join => {
                (node.link.joined, self.joined) = (true, true);
                node.agent.handle(node.now, Event::Joined);
            }
            Action::Store(_) if fails => node.agent.handle(node.now, Event::StoreFailed),
            Action::Store(snapshot) => {
                let (new, old) = (snapshot.epochs, self.flash.epochs);
                prop_assert!((new.epoch, new.up_limit) >= (old.epoch, old.up_limit));
                prop_assert!((new.epoch, new.down_limit) >= (old.epoch, old.down_limit));
                prop_assert!(new.epoch == old.epoch || new.epoch == old.epoch + 1);
                prop_assert!(snapshot.sequences >= self.flash.sequences);
                self.flash = snapshot;
                node.agent.handle(node.now, Event::Stored);
            }
            Action::Transmit(uplink) => {
                let (epoch, counter, _) = node.peer.read(&uplink);
                prop_assert!(Some(&(epoch, counter)) > self.used.last(), "{epoch} {counter} was used twice");
                self.used.insert((epoch, counter));
                let stored = self.flash.epochs;
                prop_assert!(epoch == stored.epoch && counter < stored.up_limit);
                prop_assert!(epoch <= node.peer.epoch + 1, "the aggregator is more than one epoch behind");
                prop_assert!(self.last_frame_at < Some(node.now), "two frames at {}", node.now);
                self.last_frame_at = Some(node.now);
                prop_assert!(uplink.payload.len() <= node.link.max_payload_bytes);
                if !matches!(turn, Turn::Refused(_) | Turn::Unanswered) {
                    node.peer.open(&uplink);
                }
                self.answer(node, turn);
            }
        }
        Ok(())
    }

    fn answer(&mut self, node: &mut Node<'_>, turn: Turn) {
        let downlink = match turn {
            Turn::Refused(how) => {
                let refusal = match how {
                    0 => Refusal::NotBefore(Instant::ZERO),
                    1 => Refusal::NotBefore(node.now),
                    2 => Refusal::NotBefore(node.now + Duration::from_secs(3_000)),
                    3 => Refusal::SessionLost,
                    _ => Refusal::Failed,
                };
                return node.agent.handle(node.now, Event::UplinkRefused(refusal));
            }
            Turn::Garbage(byte) => Some((byte % 20, vec![byte; usize::from(byte)])),
            Turn::Control { data_rate, wants_moments } => {
                let moments = if wants_moments { MomentsWanted::Yes } else { MomentsWanted::No };
                let data_rate = data_rate.map(DataRate);
                let control = Control { data_rate, moments, ..Control::default() };
                Some(node.peer.control(&control))
            }
            Turn::Chunk { kind, version, index } => {
                let stream = match kind {
                    ObjectKind::Task => task_stream(version, RULE),
                    ObjectKind::Model => model_stream(version, 0.5),
                    ObjectKind::Keys => stream(&manifest(ObjectKind::Keys, version, 0, &[1; 69]), &[1; 69]),
                };
                let messages = chunk_messages(ObjectTag::new(kind, version), &stream);
                Some(node.peer.seal(port::CHUNK, &messages[index % messages.len()]))
            }
            _ => None,
        };
        let answered = downlink.is_some() || matches!(turn, Turn::Answered);
        let downlink = downlink.as_ref().map(|(fport, frame)| (*fport, frame.as_slice()));
        node.now = node.now + Duration::from_secs(2);
        node.agent.handle(node.now, Event::UplinkSent { on_air: ON_AIR, downlink, answered });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
    #[test]
    fn an_agent_is_never_busy_with_nothing_and_uses_no_counter_twice(
        turns in proptest::collection::vec(turn(), 1..160),
    ) {
        let mut life = Life {
            now: Instant::ZERO,
            flash: AgentSnapshot::default(),
            peer: Peer::default(),
            joined: false,
            used: BTreeSet::new(),
            last_frame_at: None,
        };
        let mut board = Board::new(SHAPE);
        let mut rest = turns.as_slice();
        while !rest.is_empty() {
            let taken = life.run(&mut board, rest)?;
            rest = &rest[taken..];
        }
    }
}
