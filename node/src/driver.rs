//! What a driver does whichever link it speaks over.
use crate::agent::{Agent, AgentSnapshot, Event, Link};
use crate::world::{SteadyClock, World};
use chirrup_protocol::time::Instant;

/// An agent and what surrounds it, lent by a driver.
pub struct Surrounded<'a, 'm, W> {
    /// Decides.
    pub agent: &'a mut Agent<'m>,
    /// Surrounds.
    pub world: &'a mut W,
    /// What the agent takes for the time.
    pub clock: &'a mut SteadyClock,
}

impl<W: World> Surrounded<'_, '_, W> {
    /// The time of the agent.
    pub fn now(&mut self) -> Instant {
        self.clock.now(self.world.now())
    }

    /// Waits for a sample or the agent's deadline. `features` holds one sample.
    pub async fn wait(&mut self, features: &mut [f32], link: &Link) {
        let now = self.now();
        let deadline = self.clock.shown(self.agent.next_deadline(now, link));
        if let Some(label) = self.world.next_sample(deadline, features).await {
            let now = self.now();
            self.agent.handle(now, Event::SampleArrived { features, label });
            self.world.observe(self.agent);
        }
    }

    /// Makes a snapshot durable, or tells the agent that it is not.
    pub async fn store(&mut self, snapshot: &AgentSnapshot) {
        let stored = self.world.store(snapshot).await;
        let now = self.now();
        self.agent.handle(now, if stored.is_ok() { Event::Stored } else { Event::StoreFailed });
    }
}
