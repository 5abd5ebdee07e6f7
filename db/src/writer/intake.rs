//! What the writer takes from its queue, and when.

use tokio::sync::oneshot;
use tokio::task::JoinError;

use super::flight::Landed;
use super::{Jobs, Message, Writer};
use crate::job::Fate;

pub(super) enum Next {
    Jobs(Jobs),
    Landed(Result<Landed, JoinError>),
    End,
}

/// With fewer jobs a commit costs more than its jobs.
const FEW: usize = 128;
/// So often others may go first without anybody new in the queue.
const IDLE_TURNS: u32 = 4;

impl Writer {
    /// What happens next: somebody wants to write, or the batch in flight has landed.
    pub(super) async fn next(&mut self, closers: &mut Vec<oneshot::Sender<()>>) -> Next {
        let most = match self.ahead.known {
            // Half of the callers are answered while the other half waits to be written.
            Some(_) => self.batch.div_ceil(2),
            None => self.batch,
        };
        let mut messages = Vec::new();
        let received = match &mut self.ahead.flight {
            None => self.queue.recv_many(&mut messages, most).await,
            // Those it will answer come again: better one commit for all than two in turn.
            Some(flight) if flight.jobs.len() < FEW => {
                return Next::Landed((&mut flight.landing).await);
            }
            Some(flight) => tokio::select! {
                biased;
                landed = &mut flight.landing => return Next::Landed(landed),
                received = self.queue.recv_many(&mut messages, most) => match received {
                    0 => return Next::Landed((&mut flight.landing).await),
                    some => some,
                },
            },
        };
        if received == 0 {
            return Next::End;
        }
        self.gather(&mut messages, most).await;
        let mut jobs = Vec::with_capacity(messages.len());
        for message in messages {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Close(closer) => {
                    // What already waits is still written; nothing new is taken.
                    self.queue.close();
                    closers.push(closer);
                }
            }
        }
        Next::Jobs(jobs)
    }

    /// Whoever was just answered is about to come again; a sync for the first of them alone would
    /// make all others wait. No time is waited for, they only go first.
    async fn gather(&mut self, messages: &mut Vec<Message>, most: usize) {
        let most = most.min(self.ahead.answered);
        let mut idle = 0;
        while messages.len() < most && idle < IDLE_TURNS {
            tokio::task::yield_now().await;
            let before = messages.len();
            while messages.len() < most
                && let Ok(message) = self.queue.try_recv()
            {
                messages.push(message);
            }
            idle = if messages.len() == before {
                idle + 1
            } else {
                0
            };
        }
    }

    pub(super) async fn stop(&mut self, closers: &mut Vec<oneshot::Sender<()>>) {
        self.queue.close();
        while let Some(message) = self.queue.recv().await {
            match message {
                Message::Job(job) => job.answer(&Fate::Closed),
                Message::Close(closer) => closers.push(closer),
            }
        }
    }
}
