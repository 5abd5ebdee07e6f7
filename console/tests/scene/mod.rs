//! A house with sample data and transfers in several states, behind a real listener.

use std::net::SocketAddr;
use std::sync::Arc;

use ambient::{Mint, SharedClock, SystemClock};
use anyhow::Result;
use api::{App, Limits, Parts, StartError, Starter};
use axum::Router;
use axum::extract::Path;
use axum::middleware::map_response;
use axum::response::{Html, Response};
use axum::routing::get;
use db::{BoxFuture, DatabaseUrl, Db, Options};
use domain::linked::Link;
use domain::rail::{RailId, Rejection};
use domain::transfer::{Decline, FlagKind, Happening, Order};
use domain::{Currency, MessageId, Mode, Money, RequestId, Step, StepKey, TransferId};
use http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use identity::Identity;
use identity::seed::{self, Demo};
use inbox::Inbox;
use testkit::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transfers::{AttemptResult, EndpointRef, IdempotencyKey, NewTransfer, Transfers};
use vault::{MasterKey, Vault};

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) address: SocketAddr,
    pub(crate) completed: String,
    pub(crate) refunded: String,
    pub(crate) in_doubt: String,
    app: App,
    demo: Demo,
    _folder: TempDir,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    head: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or("")
    }
}

/// Nothing is started here: what happens to a transfer is recorded by hand.
#[derive(Debug)]
struct Idle;

impl Starter for Idle {
    fn start<'a>(&'a self, _: &'a Order) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn call_off(&self, _: TransferId) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn start_linked<'a>(&'a self, _: &'a Link) -> BoxFuture<'a, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }

    fn tell(&self, _: TransferId, _: MessageId) -> BoxFuture<'_, Result<bool, StartError>> {
        Box::pin(async { Ok(false) })
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Scene {
    pub(crate) async fn new() -> Result<Self> {
        let folder = testkit::temp_dir()?;
        let app = app(&DatabaseUrl::Sqlite(folder.path().join("remit.db"))).await?;
        let demo = seed::demo(&app.identity).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = framed(api::app_with(
            app.clone(),
            console::pages(app.clone(), address),
        ));
        let clock = Arc::clone(&app.clock);
        tokio::spawn(api::serve(
            listener,
            routes,
            app.limits,
            clock,
            std::future::pending(),
        ));
        let mut scene = Self {
            address,
            completed: String::new(),
            refunded: String::new(),
            in_doubt: String::new(),
            app,
            demo,
            _folder: folder,
        };
        scene.play().await?;
        Ok(scene)
    }

    async fn play(&mut self) -> Result<()> {
        let (alice, bob) = (self.demo.people[0].clone(), self.demo.people[1].clone());
        let wallet = EndpointRef::Wallet(alice.wallet);
        let bank = |place: usize| EndpointRef::BankAccount(bob.bank_accounts[place]);
        let funded = Happening::Funded {
            bank_reference: None,
        };
        let begun = [Happening::Collecting, funded, Happening::PayingOut];

        let id = self
            .send(2_500, wallet, bank(0), "<img src=x onerror=alert(1)>")
            .await?;
        self.happen(id, &begun).await?;
        let paid = AttemptResult::Done {
            bank_reference: "bk01a1fbc188c07e129a55b97e26c0aa4d".to_owned(),
        };
        self.attempt(id, paid).await?;
        self.happen(
            id,
            &[Happening::Completed {
                bank_reference: Some("bk01a1fbc188c07e129a55b97e26c0aa4d".to_owned()),
            }],
        )
        .await?;
        self.completed = id.to_string();

        let id = self.send(12_000, wallet, bank(1), "invoice 17").await?;
        self.happen(id, &begun).await?;
        let refused = AttemptResult::Rejected(Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".to_owned(),
        });
        self.attempt(id, refused).await?;
        let back = Happening::Refunded {
            bank_reference: None,
        };
        self.happen(
            id,
            &[
                Happening::PayoutRefused {
                    decline: Decline::AccountClosed,
                },
                back,
            ],
        )
        .await?;
        self.refunded = id.to_string();

        let id = self.send(4_011, wallet, bank(0), "rent, November").await?;
        self.happen(id, &begun).await?;
        let note = "no answer within 10 s".to_owned();
        self.attempt(
            id,
            AttemptResult::Unknown {
                evidence: note.clone(),
            },
        )
        .await?;
        let doubt = Happening::Raised {
            flag: FlagKind::InDoubt,
            step: Step::PayOut,
            note,
        };
        self.happen(id, &[doubt]).await?;
        self.in_doubt = id.to_string();

        let id = self
            .send(
                999,
                EndpointRef::BankAccount(alice.bank_accounts[0]),
                EndpointRef::Wallet(bob.wallet),
                "",
            )
            .await?;
        self.happen(id, &[Happening::Collecting]).await?;
        self.send(150, wallet, EndpointRef::Wallet(bob.wallet), "coffee")
            .await?;
        Ok(())
    }

    async fn send(
        &self,
        amount: i64,
        source: EndpointRef,
        destination: EndpointRef,
        reference: &str,
    ) -> Result<TransferId> {
        let new = NewTransfer {
            money: Money::from_minor(amount, Currency::EUR)?,
            source,
            destination,
            execute_at: None,
            quote: None,
            client_reference: Some(reference.to_owned()).filter(|text| !text.is_empty()),
            description: Some("Sent from a test".to_owned()),
            metadata: [("order".to_owned(), amount.to_string())].into(),
            request_id: RequestId::from_bits(1),
            traceparent: None,
        };
        let key = IdempotencyKey::new(&format!("scene-{amount}"))?;
        let accepted = self
            .app
            .transfers
            .accept(&self.demo.tenant, &key, new)
            .await?;
        Ok(accepted.transfer.id)
    }

    async fn happen(&self, id: TransferId, happenings: &[Happening]) -> Result<()> {
        for happening in happenings {
            self.app
                .transfers
                .record(&self.demo.tenant, id, happening)
                .await?;
        }
        Ok(())
    }

    async fn attempt(&self, id: TransferId, result: AttemptResult) -> Result<()> {
        let (tenant, transfers) = (&self.demo.tenant, &self.app.transfers);
        let key = StepKey::of(id, Step::PayOut);
        let attempt = transfers
            .open_attempt(tenant, key, RailId::SandboxBank)
            .await?;
        transfers
            .close_attempt(tenant, key, attempt.number, result)
            .await?;
        Ok(())
    }

    pub(crate) async fn add_live_partner(&self) -> Result<()> {
        self.app
            .identity
            .create_partner(Mode::Live, "A real bank")
            .await?;
        Ok(())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.address.to_string(), path).await
    }

    /// Asks under a name of the caller's choosing, as a rebound page would.
    pub(crate) async fn get_as(&self, host: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|code| code.parse().ok())
                .unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

async fn app(url: &DatabaseUrl) -> Result<App> {
    let clock: SharedClock = SystemClock::shared();
    let mint = Mint::new(Arc::clone(&clock));
    let db = Db::open(url, Options::new(Arc::clone(&clock))).await?;
    let vault = Vault::new(MasterKey::from_text(
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    )?);
    let identity = Identity::new(db.clone(), mint.clone(), Arc::clone(&clock), vault.clone());
    let transfers = Transfers::new(
        db.clone(),
        mint.clone(),
        Arc::clone(&clock),
        identity.clone(),
    );
    let inbox = Inbox::new(
        db.clone(),
        mint.clone(),
        Arc::clone(&clock),
        vault,
        transfers.clone(),
    );
    Ok(App::from(Parts {
        inbox,
        ports: Arc::default(),
        db,
        identity,
        transfers,
        starter: Arc::new(Idle),
        rails: rails::Watched::default(),
        clock,
        mint,
        limits: Limits::default(),
        probes: Vec::new(),
    }))
}

/// The same pages, and `/narrow/…`: the page in a frame as wide as a telephone, because no browser
/// window is. Only pages that are asked for by that frame may be framed.
fn framed(routes: Router) -> Router {
    let narrow = |path: Option<Path<String>>| async {
        let path = path.map_or_else(String::new, |Path(path)| path);
        Html(format!(
            "<body style='margin:0;background:gray'><iframe src='/framed/{path}' \
             style='border:0;width:390px;height:2400px'></iframe>"
        ))
    };
    let unlocked = routes
        .clone()
        .layer(map_response(|mut response: Response| async {
            response.headers_mut().remove(CONTENT_SECURITY_POLICY);
            response.headers_mut().remove(X_FRAME_OPTIONS);
            response
        }));
    Router::new()
        .route("/narrow/", get(narrow))
        .route("/narrow/{*path}", get(narrow))
        .route("/framed", get(|| async {}))
        .nest_service("/framed/", unlocked)
        .fallback_service(routes)
}
