//! The books of the air: what everybody sent, and what became of it.
use super::duty_check::DutyCheck;
use super::dwell_check::DwellCheck;
use super::emission::Emission;
use super::energy::{RECEIVE_MA, transmit_ma};
use super::outcome::{Outcome, Outcomes, Verdict};
use super::records::{AirRecords, Record};
use super::trace::Trace;
use super::{GatewayIndex, NodeIndex, Transmitter};
use crate::checker::FrameCounters;
use crate::energy::Awake;
use chirrup_protocol::region::Region;
use chirrup_protocol::time::{Duration, Instant};

/// A transmission that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Transmission<'a> {
    /// Who sent it.
    pub source: Transmitter,
    /// When it began.
    pub start: Instant,
    /// How long it lasted.
    pub airtime: Duration,
    /// What was sent.
    pub emission: &'a Emission,
    /// What every gateway (uplink) or listening node (downlink) made of it.
    pub verdicts: &'a [Verdict],
}

/// How much the log keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Sums for every transmitter. Memory does not grow with the length of the run.
    #[default]
    Sums,
    /// A record of every transmission besides.
    Records,
}

/// Sums over one transmitter's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Bytes of PHY payload.
    pub phy_bytes: u64,
    /// Time on the air.
    pub airtime: Duration,
    /// Frames by what became of them.
    pub outcomes: Outcomes,
}

impl Sums {
    fn add(&mut self, transmission: &Transmission<'_>, outcome: Outcome) {
        self.phy_bytes += transmission.emission.phy.len() as u64;
        self.airtime += transmission.airtime;
        self.outcomes.count(outcome);
    }
}

impl core::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |mut all, one| {
            all.phy_bytes += one.phy_bytes;
            all.airtime += one.airtime;
            all.outcomes += one.outcomes;
            all
        })
    }
}

/// The log of a run.
#[derive(Clone, Debug)]
pub struct AirLog {
    nodes: Vec<(Sums, Awake)>,
    gateways: Vec<Sums>,
    duty: DutyCheck,
    dwell: DwellCheck,
    frame_counters: Option<FrameCounters>,
    trace: Trace,
    detail: Detail,
    records: AirRecords,
}

impl AirLog {
    /// An empty log for this many transmitters.
    pub fn new(region: Region, nodes: usize, gateways: usize, detail: Detail) -> Self {
        Self {
            nodes: vec![Default::default(); nodes],
            gateways: vec![Default::default(); gateways],
            duty: DutyCheck::new(region, nodes, gateways),
            dwell: DwellCheck::new(region),
            frame_counters: None,
            trace: Trace::default(),
            detail,
            records: AirRecords::default(),
        }
    }

    /// Has every frame from now on checked for counters that are used twice: all are LoRaWAN frames.
    pub fn check_frame_counters(&mut self) {
        self.frame_counters = Some(FrameCounters::new(self.nodes.len()));
    }

    /// That check, if it was asked for.
    pub const fn frame_counters(&self) -> Option<&FrameCounters> {
        self.frame_counters.as_ref()
    }

    /// How many nodes there are.
    pub const fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// How many gateways there are.
    pub const fn gateways(&self) -> usize {
        self.gateways.len()
    }

    /// What a node sent.
    pub fn node(&self, node: NodeIndex) -> Sums {
        self.nodes[node.0 as usize].0
    }

    /// What a gateway sent.
    pub fn gateway(&self, gateway: GatewayIndex) -> Sums {
        self.gateways[usize::from(gateway.0)]
    }

    /// What all nodes sent.
    pub fn uplinks(&self) -> Sums {
        self.nodes.iter().map(|(sums, _)| *sums).sum()
    }

    /// What all gateways sent.
    pub fn downlinks(&self) -> Sums {
        self.gateways.iter().copied().sum()
    }

    /// How long a node's radio was awake.
    pub fn radio_time(&self, node: NodeIndex) -> Awake {
        self.nodes[node.0 as usize].1
    }

    /// The check of the duty cycle.
    pub const fn duty(&self) -> &DutyCheck {
        &self.duty
    }

    /// The check of dwell time.
    pub const fn dwell(&self) -> &DwellCheck {
        &self.dwell
    }

    /// What a transmitter used of what it was allowed, in its worst window: of the duty cycle in an hour where the
    /// region has one, else of the dwell time on a channel. 0 when nothing was limited, or nothing sent.
    pub fn worst_ratio_of(&self, transmitter: Transmitter) -> f64 {
        let duty = self.duty.fullest_of(transmitter).filter(|_| self.duty.is_limited());
        let dwell = self.dwell.fullest_of(transmitter);
        duty.map_or(0.0, |hour| hour.ratio).max(dwell.map_or(0.0, |window| window.ratio))
    }

    /// The greatest of all transmitters.
    pub fn worst_ratio(&self) -> f64 {
        let nodes = (0..self.nodes.len() as u32).map(|node| Transmitter::Node(NodeIndex(node)));
        let gateways = (0..self.gateways.len() as u16).map(|index| Transmitter::Gateway(GatewayIndex(index)));
        nodes.chain(gateways).map(|transmitter| self.worst_ratio_of(transmitter)).fold(0.0, f64::max)
    }

    /// The hash over everything that has ended so far; see [`Trace`].
    pub fn trace_hash(&self) -> [u8; 32] {
        self.trace.hash()
    }

    /// Every transmission in order of its end; empty unless the log keeps [`Detail::Records`].
    pub fn records(&self) -> &[Record] {
        self.records.all()
    }

    /// What each receiver made of a recorded transmission.
    pub fn verdicts(&self, record: &Record) -> &[Verdict] {
        self.records.verdicts(record)
    }

    /// Hands the records over; the log goes on without them.
    pub fn take_records(&mut self) -> AirRecords {
        std::mem::take(&mut self.records)
    }

    pub(super) fn enter(&mut self, transmission: &Transmission<'_>) -> Outcome {
        let outcome = Outcome::of(transmission.verdicts);
        match transmission.source {
            Transmitter::Node(node) => {
                let (sums, awake) = &mut self.nodes[node.0 as usize];
                sums.add(transmission, outcome);
                awake.transmit(transmit_ma(transmission.emission.power_dbm), transmission.airtime);
            }
            Transmitter::Gateway(gateway) => {
                self.gateways[usize::from(gateway.0)].add(transmission, outcome);
            }
        }
        let Transmission { source, start, airtime, emission, .. } = *transmission;
        self.duty.add(source, emission.frequency_hz, start, airtime);
        self.dwell.add(source, emission.frequency_hz, start, airtime);
        if let Some(counters) = &mut self.frame_counters {
            counters.add(source, start, &emission.phy);
        }
        self.trace.add(transmission);
        if self.detail == Detail::Records {
            self.records.keep(transmission);
        }
        outcome
    }

    pub(super) fn enter_reception(&mut self, node: NodeIndex, receiving: Duration) {
        self.nodes[node.0 as usize].1.receive(RECEIVE_MA, receiving);
    }
}
