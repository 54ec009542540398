//! What a node's board has besides radio and timer, and what of it outlasts a power cut.
use super::world::SimEvent;
use crate::faults::flash::{Flash, Record};
use crate::faults::frames::Corruption;
use crate::faults::power::{Moment, Supply, instant_on_air};
use crate::faults::{Injected, NodeClock};
use crate::kernel::{Clock, Rng, Scheduler};
use crate::radio::NodeIndex;
use crate::scenario::FaultsConfig;
use crate::simulation::nodes::NodeEvent;
use chirrup_node::agent::AgentSnapshot;
use chirrup_node::lorawan::Snapshot;
use chirrup_protocol::time::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;

/// A node's board. Clones are the same board.
#[derive(Clone)]
pub struct Board(Rc<Parts>);

struct Parts {
    node: NodeIndex,
    clock: NodeClock,
    supply: Supply,
    /// Power gives way no more from then on.
    until: Instant,
    flash: RefCell<Flash>,
    tears: RefCell<Rng>,
    moments: RefCell<Rng>,
    corruption: RefCell<Corruption>,
    scheduler: Scheduler<SimEvent>,
    injected: Rc<RefCell<Injected>>,
}

impl Board {
    /// A board with nothing in its flash.
    pub fn new(
        node: NodeIndex,
        faults: &FaultsConfig,
        seed: u64,
        scheduler: Scheduler<SimEvent>,
        injected: Rc<RefCell<Injected>>,
    ) -> Self {
        let stream = |purpose| Rng::for_purpose(seed, purpose, node.0.into());
        let until = faults.until();
        Self(Rc::new(Parts {
            node,
            clock: NodeClock::new(scheduler.clock().clone()),
            supply: Supply::default(),
            until,
            flash: RefCell::default(),
            tears: RefCell::new(stream("torn-writes")),
            moments: RefCell::new(stream("power-cuts-on-air")),
            corruption: RefCell::new(Corruption::new(faults.corrupted, until, stream("corrupted-downlinks"))),
            scheduler,
            injected,
        }))
    }

    /// Its clocks.
    pub fn clock(&self) -> &NodeClock {
        &self.0.clock
    }

    /// The virtual time.
    pub fn true_clock(&self) -> &Clock {
        self.0.scheduler.clock()
    }

    /// Its supply.
    pub fn supply(&self) -> &Supply {
        &self.0.supply
    }

    /// What was done to the run.
    pub fn injected(&self) -> &RefCell<Injected> {
        &self.0.injected
    }

    /// What the agent stored.
    pub fn stored_agent(&self) -> Option<AgentSnapshot> {
        self.0.flash.borrow().agent()
    }

    /// What the LoRaWAN guard stored.
    pub fn stored_lorawan(&self) -> Option<Snapshot> {
        self.0.flash.borrow().lorawan()
    }

    /// Writes a record to flash. Does not return when the power fails meanwhile.
    pub async fn write(&self, record: Record<'_>) {
        let Parts { flash, tears, injected, .. } = &*self.0;
        if !self.gives_way(Moment::InWrite) {
            return flash.borrow_mut().write(record);
        }
        flash.borrow_mut().tear(record, &mut tears.borrow_mut());
        injected.borrow_mut().torn_writes += 1;
        self.power_fails_at(self.true_clock().now());
        std::future::pending::<()>().await;
    }

    /// A frame of this length begins. Perhaps the power fails under its load.
    pub fn transmits(&self, airtime: Duration) {
        if self.gives_way(Moment::OnAir) {
            let now = self.true_clock().now();
            self.power_fails_at(instant_on_air(&mut self.0.moments.borrow_mut(), now, airtime));
        }
    }

    /// A frame was received. Perhaps it is not what was sent.
    pub fn receives(&self, phy: &mut [u8]) {
        let is_altered = self.0.corruption.borrow_mut().strike(self.true_clock().now(), phy);
        self.0.injected.borrow_mut().frames_corrupted += u64::from(is_altered);
    }

    fn gives_way(&self, moment: Moment) -> bool {
        self.0.supply.gives_way(moment) && self.true_clock().now() < self.0.until
    }

    fn power_fails_at(&self, at: Instant) {
        self.0.scheduler.schedule(at, SimEvent::Node(self.0.node, NodeEvent::PowerFails));
    }
}
