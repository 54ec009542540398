//! The bench's hand on the service's clock.
use super::{Process, soon};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct ClockClient {
    stream: BufReader<TcpStream>,
}

impl ClockClient {
    pub async fn connect(service: &Process) -> Self {
        let address = service.clock.expect("the clock is injected");
        Self { stream: BufReader::new(TcpStream::connect(address).await.unwrap()) }
    }

    pub async fn say(&mut self, line: &str) -> String {
        self.stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut reply = String::new();
        soon("the clock's answer", self.stream.read_line(&mut reply)).await.unwrap();
        reply.trim_end().to_owned()
    }

    pub async fn advance(&mut self, us: u64) -> String {
        self.say(&format!("advance {us}")).await
    }
}
