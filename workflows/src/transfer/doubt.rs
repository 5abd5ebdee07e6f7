//! A bank's answer never came: wait as the rail asks, inquire by our own reference, listen to what
//! the bank says by itself, and never guess. A person who found it out elsewhere is believed as
//! well, with evidence.
//!
//! What is heard is news only while a run is told of it, and old histories were told of nothing: so
//! they are decided as they were.

use std::pin::pin;
use std::time::Duration;

use domain::MessageId;
use domain::rail::Rejection;
use domain::transfer::{FlagKind, Happening};
use futures::FutureExt;
use futures::future::FusedFuture;
use temporalio_workflow::{WorkflowCancellationToken, WorkflowResult, select};

use super::books::Pen;
use super::desk::Desk;
use super::operator::detached;
use super::{Ctx, bank};
use crate::activities::{Bank, BankStep, Heard, Inbox, News, Settled, Verdict};
use crate::mover::Mover;
use crate::options;

pub(super) enum Resolution {
    Executed {
        bank_reference: String,
    },
    Refused {
        rejection: Rejection,
    },
    NeverArrived {
        /// It is not sent again all the same.
        over: bool,
    },
}

/// What is known by now, and how.
type Proof = (Resolution, String);

/// Returns only with proof. Until then the transfer is flagged `in_doubt`, for everyone to see.
pub(super) async fn resolve<W: Mover>(
    ctx: &Ctx<W>,
    step: BankStep,
    evidence: &str,
) -> WorkflowResult<Resolution> {
    let mut doubt = Doubt::begin(ctx, step, evidence).await?;
    let (resolution, proof) = doubt.until_proven().await?;
    doubt.end(&proof).await?;
    Ok(resolution)
}

struct Doubt<'c, W: Mover> {
    ctx: &'c Ctx<W>,
    pen: Pen<W>,
    step: BankStep,
    /// A person is flagged to look at what the bank says.
    contradicted: bool,
    /// The bank said that it has something to say.
    ask_now: bool,
}

/// What ended a wait.
enum Ended<T> {
    /// What was waited for.
    Itself(T),
    /// It need not be waited for: the bank is to be asked now.
    AskNow,
    Proven(Proof),
}

impl<'c, W: Mover> Doubt<'c, W> {
    async fn begin(ctx: &'c Ctx<W>, step: BankStep, evidence: &str) -> WorkflowResult<Self> {
        let mut doubt = Self {
            ctx,
            pen: Pen::new(ctx, step.order),
            step,
            contradicted: false,
            ask_now: false,
        };
        doubt
            .flag(FlagKind::InDoubt, evidence.to_owned(), true)
            .await?;
        ctx.state_mut(|run| {
            run.desk_mut().doubt = Some(step.key);
            run.desk_mut().told = None;
        });
        Ok(doubt)
    }

    /// Wait, ask, and wait longer; whoever knows it earlier ends that at once.
    async fn until_proven(&mut self) -> WorkflowResult<Proof> {
        let promises = self.step.rail.promises();
        let mut asked = 0;
        loop {
            if let Some(proof) = self.pause(promises.wait_after(asked)).await? {
                return Ok(proof);
            }
            match self.inquire().await? {
                Ended::Proven(proof) => return Ok(proof),
                // No answer to a question is no answer to the doubt, and neither is one about
                // something that we did not order: that is kept apart, for a person to see.
                Ended::Itself(Verdict::Open) | Ended::AskNow => {}
                Ended::Itself(Verdict::Contradicts { evidence }) => {
                    self.contradicts(&evidence).await?;
                }
                Ended::Itself(Verdict::Executed { bank_reference }) => {
                    let resolution = Resolution::Executed { bank_reference };
                    return Ok((resolution, "the bank executed it".to_owned()));
                }
                Ended::Itself(Verdict::Refused { rejection }) => {
                    let resolution = Resolution::Refused { rejection };
                    return Ok((resolution, "the bank refused it".to_owned()));
                }
                Ended::Itself(Verdict::NeverArrived { over }) => {
                    let proof = "it never arrived at the bank".to_owned();
                    return Ok((Resolution::NeverArrived { over }, proof));
                }
            }
            asked += 1;
        }
    }

    /// As long as the rail asks, unless somebody wants it asked now or knows the answer.
    async fn pause(&mut self, wait: Duration) -> WorkflowResult<Option<Proof>> {
        let proof = self.news().await?;
        if proof.is_some() || std::mem::take(&mut self.ask_now) {
            return Ok(proof);
        }
        let token = WorkflowCancellationToken::new();
        let summary = format!("before asking about {}", self.step.key);
        let timer = self
            .ctx
            .timer(options::wait(wait, &summary, token.clone()))
            .fuse();
        match self.listening(timer, true).await? {
            Ended::Itself(_) => Ok(None),
            Ended::AskNow => {
                token.cancel();
                Ok(None)
            }
            Ended::Proven(proof) => {
                token.cancel();
                Ok(Some(proof))
            }
        }
    }

    /// A bank that is away is asked for as long as it takes; nobody who knows need wait for that.
    async fn inquire(&mut self) -> WorkflowResult<Ended<Verdict>> {
        if let Some(proof) = self.news().await? {
            return Ok(Ended::Proven(proof));
        }
        let token = WorkflowCancellationToken::new();
        let asked = options::inquiry(
            bank::line(self.ctx, self.step),
            &format!("{}?", self.step.key),
            token.clone(),
        );
        let answer = self
            .ctx
            .execute_activity(Bank::inquire, self.step, asked)
            .fuse();
        let ended = self.listening(answer, false).await?;
        Ok(match ended {
            // An inquiry that failed has found out nothing.
            Ended::Itself(answer) => Ended::Itself(answer.unwrap_or(Verdict::Open)),
            Ended::AskNow => Ended::AskNow,
            Ended::Proven(proof) => {
                token.cancel();
                Ended::Proven(proof)
            }
        })
    }

    /// Waits for something of our own, and hears meanwhile what people and the bank say. What is
    /// only a wait is cut short when the bank is to be asked.
    async fn listening<T>(
        &mut self,
        own: impl FusedFuture<Output = T>,
        a_wait: bool,
    ) -> WorkflowResult<Ended<T>> {
        let (ctx, mut own) = (self.ctx, pin!(own));
        let seen = ctx.state(|run| run.desk().asked_again);
        let asked = |desk: &Desk| a_wait && desk.asked_again > seen;
        loop {
            let said = |desk: &Desk| desk.told.is_some() || desk.has_news() || asked(desk);
            let mut word = pin!(
                ctx.wait_condition_with_options(|run| said(run.desk()), detached())
                    .fuse()
            );
            select! {
                done = own => return Ok(Ended::Itself(done)),
                said = word => said?,
            }
            if let Some(proof) = self.news().await? {
                return Ok(Ended::Proven(proof));
            }
            let told_to_ask = a_wait && std::mem::take(&mut self.ask_now);
            if told_to_ask || ctx.state(|run| asked(run.desk())) {
                return Ok(Ended::AskNow);
            }
        }
    }

    /// All that was said until now, people first.
    async fn news(&mut self) -> WorkflowResult<Option<Proof>> {
        loop {
            let told = self.ctx.state(|run| run.desk().told.clone());
            if let Some(settled) = told {
                return Ok(Some(proven(settled, "a person found that the bank")));
            }
            let next = self.ctx.state_mut(|run| run.desk_mut().next_news());
            let Some(message) = next else {
                return Ok(None);
            };
            match self.hear(message).await? {
                News::Settles { settled, by } => {
                    let who = format!("{by} {message} says that the bank");
                    return Ok(Some(proven(settled, &who)));
                }
                News::Contradicts { evidence } => self.contradicts(&evidence).await?,
                News::Ask => self.ask_now = true,
                News::Nothing => {}
            }
        }
    }

    /// Our own store is asked until it answers; what it contradicts is no news.
    async fn hear(&self, message: MessageId) -> WorkflowResult<News> {
        let (order, key) = (self.step.order, self.step.key);
        let heard = Heard {
            tenant: order.tenant,
            rail: self.step.rail,
            key,
            message,
        };
        let options = options::books(&format!("{message} about {key}"));
        let news = self
            .ctx
            .execute_local_activity(Inbox::hear, heard, options)
            .await;
        Ok(news.unwrap_or(News::Nothing))
    }

    /// A person is shown it once; it stays with the doubt.
    async fn contradicts(&mut self, evidence: &str) -> WorkflowResult<()> {
        if self.contradicted {
            return Ok(());
        }
        self.contradicted = true;
        let ways = self.ctx.state(|run| run.desk().ways_out(run.at().status));
        let note = format!("the bank contradicts our order: {evidence}; possible: {ways}");
        self.flag(FlagKind::NeedsOperator, note, true).await
    }

    async fn end(mut self, proof: &str) -> WorkflowResult<()> {
        self.ctx.state_mut(|run| run.desk_mut().doubt = None);
        if self.contradicted {
            self.flag(FlagKind::NeedsOperator, proof.to_owned(), false)
                .await?;
        }
        self.flag(FlagKind::InDoubt, proof.to_owned(), false).await
    }

    async fn flag(&mut self, flag: FlagKind, note: String, raise: bool) -> WorkflowResult<()> {
        let step = self.step.key.step;
        self.pen.note(if raise {
            Happening::Raised { flag, step, note }
        } else {
            Happening::Lowered { flag, step, note }
        });
        Ok(self.pen.write().await?)
    }
}

fn proven(settled: Settled, who: &str) -> Proof {
    match settled {
        Settled::Executed { bank_reference } => {
            let resolution = Resolution::Executed { bank_reference };
            (resolution, format!("{who} executed it"))
        }
        Settled::Refused { rejection } => {
            let resolution = Resolution::Refused { rejection };
            (resolution, format!("{who} did not execute it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;

    use super::*;
    use crate::transfer::desk::MOST_HEARD;

    /// A timer, the activity, and the workflow tasks between them.
    const EVENTS_A_QUESTION: u64 = 11;
    /// The signal, a workflow task, and what the store said of it.
    const EVENTS_A_MESSAGE: u64 = 5;
    /// Where Temporal ends a run.
    const LONGEST_HISTORY: u64 = 51_200;

    #[test]
    fn a_year_in_doubt_fits_into_a_history() {
        for rail in RailId::ALL {
            let promises = rail.promises();
            let (mut passed, mut asked) = (Duration::ZERO, 0);
            while passed < Duration::from_secs(365 * 86_400) {
                passed += promises.wait_after(asked);
                asked += 1;
            }
            let heard = MOST_HEARD as u64 * EVENTS_A_MESSAGE;
            assert!(
                u64::from(asked) * EVENTS_A_QUESTION + heard < LONGEST_HISTORY,
                "{rail}: {asked}"
            );
        }
    }
}
