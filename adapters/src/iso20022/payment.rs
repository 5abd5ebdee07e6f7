//! Orders out: pain.001, pain.008 and pacs.008, elements in the order of their schemas.

use domain::Timestamp;
use domain::rail::{Instruction, PortError};
use quick_xml::escape::escape;

use super::{Config, amount, reference};
use crate::evidence::unknown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Debit,
    Payout,
    InstantPayout,
}

pub(super) fn message(kind: Kind, ours: &Config, it: &Instruction) -> Result<String, PortError> {
    let id = reference::of(it.key);
    let at = ordered_at(it);
    let created = at.to_string();
    let day = created
        .get(..10)
        .ok_or_else(|| unknown("a transfer that is older than dates"))?;
    let sum = amount::written(it.money);
    let party = Party {
        ours,
        account: it.account.reveal(),
        // The holder's name stays with whoever linked the account; the standard wants one.
        name: "NOTPROVIDED",
    };
    let currency = it.money.currency().code();
    Ok(match kind {
        Kind::Payout => pain_001(&id, &created, day, &sum, currency, &party),
        Kind::Debit => pain_008(&id, &created, day, &sum, currency, &party),
        Kind::InstantPayout => pacs_008(&id, &created, day, &sum, currency, &party),
    })
}

/// When the transfer was accepted, which its id begins with. Not the time of sending: a message is
/// the same on every attempt.
fn ordered_at(it: &Instruction) -> Timestamp {
    let millis = i64::try_from(it.key.transfer.bits() >> 80).unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

struct Party<'a> {
    ours: &'a Config,
    account: &'a str,
    name: &'a str,
}

fn pain_001(
    id: &str,
    created: &str,
    day: &str,
    sum: &str,
    currency: &str,
    it: &Party<'_>,
) -> String {
    let ours = account("DbtrAcct", &it.ours.our_account);
    let name = escape(&*it.ours.our_name);
    let theirs = account("CdtrAcct", it.account);
    let their_name = it.name;
    document(
        "pain.001.001.09",
        &format!(
            "<CstmrCdtTrfInitn>\
             <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{created}</CreDtTm><NbOfTxs>1</NbOfTxs>\
             <CtrlSum>{sum}</CtrlSum><InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\
             <PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs>\
             <CtrlSum>{sum}</CtrlSum><ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>\
             <Dbtr><Nm>{name}</Nm></Dbtr>{ours}{agent_of_ours}<ChrgBr>SLEV</ChrgBr>\
             <CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId>\
             <Amt><InstdAmt Ccy=\"{currency}\">{sum}</InstdAmt></Amt>\
             <Cdtr><Nm>{their_name}</Nm></Cdtr>{theirs}</CdtTrfTxInf>\
             </PmtInf></CstmrCdtTrfInitn>",
            agent_of_ours = agent("DbtrAgt"),
        ),
    )
}

fn pain_008(
    id: &str,
    created: &str,
    day: &str,
    sum: &str,
    currency: &str,
    it: &Party<'_>,
) -> String {
    let ours = account("CdtrAcct", &it.ours.our_account);
    let name = escape(&*it.ours.our_name);
    let scheme = escape(&*it.ours.our_creditor_id);
    let theirs = account("DbtrAcct", it.account);
    let their_name = it.name;
    document(
        "pain.008.001.08",
        &format!(
            "<CstmrDrctDbtInitn>\
             <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{created}</CreDtTm><NbOfTxs>1</NbOfTxs>\
             <CtrlSum>{sum}</CtrlSum><InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\
             <PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>1</NbOfTxs>\
             <CtrlSum>{sum}</CtrlSum><ReqdColltnDt>{day}</ReqdColltnDt>\
             <Cdtr><Nm>{name}</Nm></Cdtr>{ours}{agent_of_ours}<ChrgBr>SLEV</ChrgBr>\
             <CdtrSchmeId><Id><PrvtId><Othr><Id>{scheme}</Id></Othr></PrvtId></Id></CdtrSchmeId>\
             <DrctDbtTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId>\
             <InstdAmt Ccy=\"{currency}\">{sum}</InstdAmt>\
             <DrctDbtTx><MndtRltdInf><MndtId>{id}</MndtId><DtOfSgntr>{day}</DtOfSgntr>\
             </MndtRltdInf></DrctDbtTx>{agent_of_theirs}\
             <Dbtr><Nm>{their_name}</Nm></Dbtr>{theirs}</DrctDbtTxInf>\
             </PmtInf></CstmrDrctDbtInitn>",
            agent_of_ours = agent("CdtrAgt"),
            agent_of_theirs = agent("DbtrAgt"),
        ),
    )
}

fn pacs_008(
    id: &str,
    created: &str,
    day: &str,
    sum: &str,
    currency: &str,
    it: &Party<'_>,
) -> String {
    let ours = account("DbtrAcct", &it.ours.our_account);
    let name = escape(&*it.ours.our_name);
    let theirs = account("CdtrAcct", it.account);
    let their_name = it.name;
    document(
        "pacs.008.001.08",
        &format!(
            "<FIToFICstmrCdtTrf>\
             <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{created}</CreDtTm><NbOfTxs>1</NbOfTxs>\
             <SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>\
             <CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId><TxId>{id}</TxId></PmtId>\
             <IntrBkSttlmAmt Ccy=\"{currency}\">{sum}</IntrBkSttlmAmt>\
             <IntrBkSttlmDt>{day}</IntrBkSttlmDt><ChrgBr>SLEV</ChrgBr>\
             <Dbtr><Nm>{name}</Nm></Dbtr>{ours}{agent_of_ours}{agent_of_theirs}\
             <Cdtr><Nm>{their_name}</Nm></Cdtr>{theirs}</CdtTrfTxInf></FIToFICstmrCdtTrf>",
            agent_of_ours = agent("DbtrAgt"),
            agent_of_theirs = agent("CdtrAgt"),
        ),
    )
}

fn document(schema: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{schema}\">{inside}</Document>"
    )
}

/// The bank is known by the account; the standard wants an element for it.
fn agent(name: &str) -> String {
    format!("<{name}><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></{name}>")
}

fn account(name: &str, number: &str) -> String {
    let number = escape(number);
    let id = if is_iban(&number) {
        format!("<IBAN>{number}</IBAN>")
    } else {
        format!("<Othr><Id>{number}</Id></Othr>")
    };
    format!("<{name}><Id>{id}</Id></{name}>")
}

/// By its form and its check digits.
fn is_iban(number: &str) -> bool {
    let form = (15..=34).contains(&number.len())
        && number
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && number.as_bytes()[..2].iter().all(u8::is_ascii_uppercase);
    let rest = number.bytes().skip(4).chain(number.bytes().take(4));
    let remainder = rest.fold(0_u32, |sum, letter| match char::from(letter).to_digit(36) {
        Some(value @ 10..) => (sum * 100 + value) % 97,
        Some(value) => (sum * 10 + value) % 97,
        None => sum,
    });
    form && remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sound_number_is_an_iban() {
        for sound in [
            "DE89370400440532013000",
            "GB82WEST12345698765432",
            "NO9386011117947",
        ] {
            assert!(is_iban(sound), "{sound}");
        }
        for other in [
            "",
            "SB-ALICE-0001",
            "DE88370400440532013000",
            "de89370400440532013000",
        ] {
            assert!(!is_iban(other), "{other}");
        }
    }

    #[test]
    fn a_number_cannot_break_out_of_its_element() {
        let written = account("CdtrAcct", "1</Id><Id>2");
        assert_eq!(written.matches("<Id>").count(), 2, "{written}");
    }
}
