//! Runs an agent over BLE. Neutral to the executor.
use super::{Answer, Peripheral, exchange};
use crate::agent::{Action, Agent, Bearer, Event, Link, Refusal, Uplink};
use crate::driver::Surrounded;
use crate::world::{SteadyClock, World};
use chirrup_protocol::ble::airtime::{Encryption, uplink_airtime};
use chirrup_protocol::ble::frame::MAX_SEALED_BYTES;
use chirrup_protocol::ble::{DATA_RATE, Mtu};
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::time::{Duration, Instant};

/// How long a node waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it advertises for a frame.
    pub connect_within: Duration,
    /// How long it waits for each fragment of the answer.
    pub answer_within: Duration,
}

impl Default for Limits {
    /// Three seconds of advertising, then a gateway is out of reach; two for an answer, twice what a gateway waits for
    /// its aggregator.
    fn default() -> Self {
        Self { connect_within: Duration::from_secs(3), answer_within: Duration::from_secs(2) }
    }
}

/// An agent, its BLE stack and its world.
pub struct Driver<'a, 'm, P, W> {
    /// Decides.
    pub agent: &'a mut Agent<'m>,
    /// Sends.
    pub peripheral: &'a mut P,
    /// Surrounds.
    pub world: &'a mut W,
    /// The node.
    pub dev_eui: DevEui,
    /// MTU of the latest connection; before the first, the one expected. What a contribution costs is reckoned with it.
    pub mtu: Mtu,
    /// How long to wait.
    pub limits: Limits,
    /// What the agent takes for the time.
    pub clock: SteadyClock,
}

impl<'m, P: Peripheral, W: World> Driver<'_, 'm, P, W> {
    /// Runs until the future is dropped. `features` holds one sample.
    pub async fn run(&mut self, features: &mut [f32]) -> ! {
        loop {
            let link = self.link();
            let now = self.now();
            match self.agent.poll_action(now, &link) {
                // There is no network to join: whoever connects is found anew for each frame.
                Some(Action::Join) => self.agent.handle(now, Event::Joined),
                Some(Action::Store(snapshot)) => self.surrounded().store(&snapshot).await,
                // Advice for LoRaWAN, sent before the aggregator knew better.
                Some(Action::UseDataRate(_)) => {}
                Some(Action::Transmit(mut uplink)) => self.transmit(&mut uplink).await,
                None => self.surrounded().wait(features, &link).await,
            }
        }
    }

    fn now(&mut self) -> Instant {
        self.surrounded().now()
    }

    fn surrounded(&mut self) -> Surrounded<'_, 'm, W> {
        Surrounded { agent: self.agent, world: self.world, clock: &mut self.clock }
    }

    fn link(&self) -> Link {
        Link {
            joined: true,
            bearer: Bearer::Ble(self.mtu),
            data_rate: DATA_RATE,
            max_payload_bytes: MAX_SEALED_BYTES,
            lowest_data_rate: DATA_RATE,
            battery: self.world.battery(),
        }
    }

    async fn transmit(&mut self, uplink: &mut Uplink) {
        self.world.transmits(uplink);
        let exchanged = exchange(self.peripheral, self.dev_eui, uplink, &self.limits).await;
        let now = self.now();
        match &exchanged {
            Ok(Answer { mtu, downlink }) => {
                self.mtu = *mtu;
                let on_air = uplink_airtime(uplink.payload.len(), *mtu, Encryption::Off);
                let downlink = downlink.as_ref().map(|(fport, sealed)| (*fport, sealed.as_slice()));
                self.agent.handle(now, Event::UplinkSent { on_air, downlink, answered: true });
            }
            Err(_) => self.agent.handle(now, Event::UplinkRefused(Refusal::Failed)),
        }
        self.world.observe(self.agent);
    }
}
