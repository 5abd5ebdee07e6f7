//! The rules of a true book, each a query for what breaks it.

macro_rules! rules {
    ($($name:ident: $says:literal, $query:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule {
            $($name,)*
            /// Asked of the chain itself, not by a query.
            ChainIsWhole,
        }

        impl Rule {
            /// Those that are queries.
            pub(super) const ASKED: &'static [Self] = &[$(Self::$name,)*];

            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                    Self::ChainIsWhole => "every entry is linked to the one before it and is what was hashed",
                }
            }

            /// Rows of `partner_id, livemode, subject` that break the rule.
            pub(super) const fn query(self) -> &'static str {
                match self {
                    $(Self::$name => $query,)*
                    Self::ChainIsWhole => "",
                }
            }
        }
    };
}

rules! {
    EntrySumsToZero: "the postings of an entry sum to zero per currency",
        "SELECT partner_id, livemode, entry_id AS subject FROM postings
        GROUP BY partner_id, livemode, entry_id, currency HAVING SUM(amount) <> 0";
    EntryHasLegs: "an entry has at least two postings",
        "SELECT e.partner_id, e.livemode, e.id AS subject FROM entries e
        LEFT JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
        GROUP BY e.partner_id, e.livemode, e.id HAVING COUNT(p.leg) < 2";
    PostingBelongs: "a posting belongs to an entry and to an account of its currency",
        "SELECT p.partner_id, p.livemode, p.entry_id AS subject FROM postings p
        LEFT JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
        LEFT JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
        WHERE e.id IS NULL OR a.id IS NULL OR a.currency <> p.currency";
    BalanceIsFold: "an account's balance and version are the fold of its postings",
        "SELECT a.partner_id, a.livemode, a.id AS subject FROM accounts a
        LEFT JOIN postings p ON p.partner_id = a.partner_id AND p.livemode = a.livemode AND p.account_id = a.id
        GROUP BY a.partner_id, a.livemode, a.id, a.balance, a.version
        HAVING a.balance <> COALESCE(SUM(p.amount), 0) OR a.version <> COUNT(p.leg)";
    RunningBalanceIsFold: "each posting carries the balance of all before it",
        "SELECT partner_id, livemode, account_id AS subject FROM (
            SELECT partner_id, livemode, account_id, balance_after, account_version,
                   SUM(amount) OVER lines AS folded, COUNT(*) OVER lines AS counted
            FROM postings
            WINDOW lines AS (PARTITION BY partner_id, livemode, account_id ORDER BY account_version)
        ) AS running
        WHERE balance_after <> folded OR account_version <> counted";
    TimeNeverRunsBack: "along an account's postings time never runs back, and its newest is when it moved",
        "SELECT partner_id, livemode, account_id AS subject FROM (
            SELECT p.partner_id, p.livemode, p.account_id, p.posted_at, a.moved_at,
                   LAG(p.posted_at) OVER lines AS earlier, LEAD(p.posted_at) OVER lines AS later
            FROM postings p
            JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
            WINDOW lines AS (PARTITION BY p.partner_id, p.livemode, p.account_id ORDER BY p.account_version)
        ) AS timed
        WHERE posted_at < earlier OR (later IS NULL AND posted_at <> moved_at)";
    PostedWithItsEntry: "a posting was posted when its entry was, unless it is older than the chain",
        "SELECT p.partner_id, p.livemode, p.entry_id AS subject FROM postings p
        JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
        WHERE p.posted_at <> e.posted_at AND e.lane IS NOT NULL AND e.lane <> 'founding'";
    WithinTerms: "what is available is not below an account's floor, nor the balance above its ceiling",
        "SELECT partner_id, livemode, id AS subject FROM accounts
        WHERE balance - held < floor OR balance > ceiling";
    FloorIsOfItsPurpose: "only what stands for the outside has no floor",
        "SELECT partner_id, livemode, id AS subject FROM accounts
        WHERE floor IS NULL AND purpose NOT IN ('nostro', 'liquidity', 'disputes', 'losses', 'limits')";
    HeldIsSumOfHolds: "what is held of an account is the sum of its open holds",
        "SELECT a.partner_id, a.livemode, a.id AS subject FROM accounts a
        LEFT JOIN holds h ON h.partner_id = a.partner_id AND h.livemode = a.livemode
          AND h.account_id = a.id AND h.state = 'open'
        GROUP BY a.partner_id, a.livemode, a.id, a.held
        HAVING a.held <> COALESCE(SUM(h.amount), 0)";
    HoldBelongs: "a hold is of an account of its currency",
        "SELECT h.partner_id, h.livemode, h.id AS subject FROM holds h
        LEFT JOIN accounts a ON a.partner_id = h.partner_id AND a.livemode = h.livemode AND a.id = h.account_id
        WHERE a.id IS NULL OR a.currency <> h.currency";
    HoldResolvesOnce: "a posted hold has the one entry that posted it, and any other hold none",
        "SELECT h.partner_id, h.livemode, h.id AS subject FROM holds h
        LEFT JOIN entries e ON e.partner_id = h.partner_id AND e.livemode = h.livemode AND e.hold_id = h.id
        GROUP BY h.partner_id, h.livemode, h.id, h.state, h.entry_id
        HAVING COUNT(e.id) <> CASE WHEN h.state = 'posted' THEN 1 ELSE 0 END
            OR (h.state = 'posted' AND MIN(e.id) <> h.entry_id)";
    HoldTakesWhatItPosted: "what a hold lost is what its entry took of the account",
        "SELECT h.partner_id, h.livemode, h.id AS subject FROM holds h
        LEFT JOIN postings p ON p.partner_id = h.partner_id AND p.livemode = h.livemode
          AND p.entry_id = h.entry_id AND p.account_id = h.account_id
        GROUP BY h.partner_id, h.livemode, h.id, h.posted
        HAVING h.posted <> COALESCE(-SUM(p.amount), 0)";
    KeyIsOfOneThing: "a key belongs to an entry or to a hold, never to both",
        "SELECT h.partner_id, h.livemode, h.id AS subject FROM holds h
        JOIN entries e ON e.partner_id = h.partner_id AND e.livemode = h.livemode AND e.key = h.key";
    ReplacesWhatWasCorrected: "what stands in for an entry follows one that was taken back",
        "SELECT e.partner_id, e.livemode, e.id AS subject FROM entries e
        LEFT JOIN entries c ON c.partner_id = e.partner_id AND c.livemode = e.livemode AND c.corrects = e.linked_to
        WHERE e.linked_to IS NOT NULL AND e.key LIKE 'replacement:%' AND c.id IS NULL";
    LinksAreThere: "what an entry corrects, belongs with or posts is in the book",
        "SELECT e.partner_id, e.livemode, e.id AS subject FROM entries e
        LEFT JOIN entries c ON c.partner_id = e.partner_id AND c.livemode = e.livemode AND c.id = e.corrects
        LEFT JOIN entries l ON l.partner_id = e.partner_id AND l.livemode = e.livemode AND l.id = e.linked_to
        LEFT JOIN holds h ON h.partner_id = e.partner_id AND h.livemode = e.livemode AND h.id = e.hold_id
        WHERE (e.corrects IS NOT NULL AND c.id IS NULL) OR (e.linked_to IS NOT NULL AND l.id IS NULL)
           OR (e.hold_id IS NOT NULL AND h.id IS NULL)";
    CorrectionReverses: "a correction takes back exactly what the entry before it did",
        "SELECT partner_id, livemode, subject FROM (
            SELECT c.partner_id, c.livemode, c.id AS subject, p.account_id, p.amount
            FROM entries c JOIN postings p ON p.partner_id = c.partner_id AND p.livemode = c.livemode AND p.entry_id = c.id
            WHERE c.corrects IS NOT NULL
            UNION ALL
            SELECT c.partner_id, c.livemode, c.id, p.account_id, p.amount
            FROM entries c JOIN postings p ON p.partner_id = c.partner_id AND p.livemode = c.livemode AND p.entry_id = c.corrects
            WHERE c.corrects IS NOT NULL
        ) AS both_sides
        GROUP BY partner_id, livemode, subject, account_id HAVING SUM(amount) <> 0";
    SharesAreExplained: "what lies in a pool or suspense account belongs to transfers, none below zero",
        "SELECT p.partner_id, p.livemode, COALESCE(e.transfer_id, e.id) AS subject FROM postings p
        JOIN entries e ON e.partner_id = p.partner_id AND e.livemode = p.livemode AND e.id = p.entry_id
        JOIN accounts a ON a.partner_id = p.partner_id AND a.livemode = p.livemode AND a.id = p.account_id
        WHERE a.purpose IN ('pool', 'suspense')
        GROUP BY p.partner_id, p.livemode, p.account_id, e.transfer_id, COALESCE(e.transfer_id, e.id)
        HAVING SUM(p.amount) < 0 OR e.transfer_id IS NULL";
}
