//! The words for why an entry is in the book, each with what it moves and when. The constructors
//! stand in [`crate::templates`]; a word without one cannot be posted.

use std::fmt;
use std::str::FromStr;

use crate::chart::UnknownWord;

macro_rules! templates {
    ($($name:ident = $word:literal, $moves:literal, $when:literal;)*) => {
        /// Why an entry is in the book.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Template { $($name,)* }

        impl Template {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// From which purpose to which.
            pub const fn moves(self) -> &'static str {
                match self { $(Self::$name => $moves,)* }
            }

            pub const fn when(self) -> &'static str {
                match self { $(Self::$name => $when,)* }
            }
        }
    };
}

templates! {
    CollectFromWallet = "collect_from_wallet", "wallet → pool", "the sender's wallet pays";
    CollectFromFloat = "collect_from_float", "float → pool", "the partner pays with its own money";
    CollectFromBank = "collect_from_bank", "nostro → pool", "the sender's bank has sent us the money";
    CollectFromCard = "collect_from_card", "nostro → pool", "the sender's card was charged";
    CollectFromCheckout = "collect_from_checkout", "nostro → pool", "a checkout elsewhere has taken the money for us";
    SetAside = "set_aside", "pool → suspense", "a bank is about to be asked to pay out";
    PayWallet = "pay_wallet", "pool → wallet", "the receiver is a wallet";
    PayFloat = "pay_float", "pool → float", "the receiver is the partner itself";
    PayMerchant = "pay_merchant", "pool → wallet or float, fees", "the receiver is a merchant, who bears the fee";
    SettlePayout = "settle_payout", "suspense → nostro", "the bank has paid out";
    ReleaseSetAside = "release_set_aside", "suspense → pool", "the bank refused to pay out, for good";
    GiveBackToWallet = "give_back_to_wallet", "pool → wallet", "undone: the sender's wallet has it back";
    GiveBackToFloat = "give_back_to_float", "pool → float", "undone: the partner has it back";
    GiveBackToBank = "give_back_to_bank", "pool → nostro", "undone: the sender's bank has it back";
    GiveBackToCard = "give_back_to_card", "pool → nostro", "undone: the charge on the card was taken back";
    GiveBackToCheckout = "give_back_to_checkout", "pool → nostro", "undone: the checkout has given it back";
    FeeFromTransfer = "fee_from_transfer", "pool → fees", "the fee comes out of what is on its way";
    FeeBackToTransfer = "fee_back_to_transfer", "fees → pool", "the transfer is undone, and its fee too";
    FeeFromAccount = "fee_from_account", "wallet or float → fees", "the fee is charged beside the transfer";
    FeeBackToAccount = "fee_back_to_account", "fees → wallet or float", "the fee is given back";
    Refund = "refund", "wallet or float → wallet or float", "the receiver gives back, all or a part";
    SetAsideRefund = "set_aside_refund", "wallet or float → suspense", "a bank is about to be asked to pay a refund";
    SettleRefund = "settle_refund", "suspense → nostro", "the bank has paid the refund";
    ReleaseRefund = "release_refund", "suspense → wallet or float", "the bank refused the refund, for good";
    PayoutReturned = "payout_returned", "nostro → pool", "what was paid out has come back, days later";
    Chargeback = "chargeback", "disputes → nostro", "the card's bank took the money back from us";
    ChargebackWon = "chargeback_won", "nostro → disputes", "the dispute was decided for us";
    ChargebackCharged = "chargeback_charged", "wallet or float → disputes", "lost: who was paid bears it";
    ChargebackLost = "chargeback_lost", "losses → disputes", "lost: we bear it";
    Convert = "convert", "pool → liquidity, liquidity → pool and spread", "what is on its way changes its currency";
    Exchange = "exchange", "wallet or float → liquidity, liquidity → the same and spread", "an owner changes money";
    FundLiquidity = "fund_liquidity", "nostro → liquidity", "the house provides money to exchange with";
    DrawLiquidity = "draw_liquidity", "liquidity → nostro", "the house takes it out again";
    TopUp = "top_up", "nostro → wallet or float", "the owner has paid in";
    Withdraw = "withdraw", "wallet or float → nostro", "the owner was paid out; a hold kept the money until then";
    Distribute = "distribute", "wallet or float → many", "one pays many at once, all or none";
    OpenLimit = "open_limit", "limits → limit", "a period begins with its allowance";
    RaiseLimit = "raise_limit", "limits → limit", "more is allowed within a period";
    LowerLimit = "lower_limit", "limit → limits", "less is allowed within a period";
    UseLimit = "use_limit", "limit → limits", "a part of the allowance is used up";
    Correction = "correction", "as the entry it corrects, the other way", "an entry was wrong";
    Opening = "opening", "nostro → wallet", "sandbox: money to play with";
}

impl Template {
    /// Whether a customer's refusal is remembered under the key. What is given back, and what the
    /// outside has done already, must be possible one day, so it may always be tried again.
    pub const fn fails_for_good(self) -> bool {
        !matches!(
            self,
            Self::CollectFromBank
                | Self::CollectFromCard
                | Self::CollectFromCheckout
                | Self::SettlePayout
                | Self::ReleaseSetAside
                | Self::GiveBackToWallet
                | Self::GiveBackToFloat
                | Self::GiveBackToBank
                | Self::GiveBackToCard
                | Self::GiveBackToCheckout
                | Self::FeeBackToTransfer
                | Self::FeeBackToAccount
                | Self::SettleRefund
                | Self::ReleaseRefund
                | Self::PayoutReturned
                | Self::Chargeback
                | Self::ChargebackWon
                | Self::ChargebackCharged
                | Self::ChargebackLost
                | Self::TopUp
                | Self::Withdraw
                | Self::LowerLimit
                | Self::UseLimit
                | Self::Correction
        )
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Template {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.iter().copied();
        known
            .into_iter()
            .find(|template| template.name() == name)
            .ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for template in Template::ALL {
            assert_eq!(template.name().parse(), Ok(*template));
        }
        assert!("Opening".parse::<Template>().is_err());
    }
}
