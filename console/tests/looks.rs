//! The pages as a visitor meets them: over a real listener, and in a real browser where there is
//! one. The pictures it takes are kept under `target/console/`, to be looked at by people.
#![allow(clippy::unwrap_used)]

mod scene;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use scene::{Answer, Scene};
use testkit::{Chromium, Window, trial, trial_needing};

/// What a page may weigh, its style sheet, script and icon included.
const HEAVIEST: usize = 100_000;

fn main() -> ExitCode {
    testkit::main(vec![
        trial(
            "the overview shows what is there, stuck ones first",
            overview,
        ),
        trial("a transfer's page tells its story", story),
        trial("nothing is shown under another name", foreign_names),
        trial("nothing is shown while live data exists", live_data),
        trial("what people wrote is only text", escaped),
        trial("a page loads nothing from elsewhere, and is light", light),
        trial("what is not there is said in words", missing),
        trial_needing("the pages in a browser", browser),
    ])
}

#[track_caller]
fn contains(page: &Answer, words: &[&str]) {
    for word in words {
        assert!(page.body.contains(word), "{word:?} is not in {}", page.body);
    }
}

async fn overview() -> Result<()> {
    let scene = Scene::new().await?;
    let page = scene.get("/").await;
    assert_eq!(page.status, 200);
    contains(
        &page,
        &[
            "Demo Bank &#38; Co",
            "Alice",
            "in doubt",
            "25.00 EUR",
            "account is closed",
        ],
    );
    let place = |words: &str| page.body.find(words).unwrap();
    assert!(place("id=\"attention\"") < place("id=\"transfers\""));
    let stuck = &page.body[place("id=\"attention\"")..place("id=\"transfers\"")];
    assert!(stuck.contains(&scene.in_doubt) && !stuck.contains(&scene.completed));
    assert!(
        page.body
            .contains(&format!("href=\"/transfers/{}\"", scene.completed))
    );
    Ok(())
}

async fn story() -> Result<()> {
    let scene = Scene::new().await?;
    let doubt = scene.get(&format!("/transfers/{}", scene.in_doubt)).await;
    contains(
        &doubt,
        &[
            "never came",
            "With us now",
            "Set aside for the payout",
            "doubt began",
            "no answer within 10 s",
        ],
    );
    let done = scene.get(&format!("/transfers/{}", scene.completed)).await;
    contains(
        &done,
        &[
            "Nothing is left to do",
            "Taken from the sender&#39;s wallet",
            "Paid out by the bank",
            "bk01a1fbc188c07e129a55b97e26c0aa4d",
        ],
    );
    let refunded = scene.get(&format!("/transfers/{}", scene.refunded)).await;
    contains(
        &refunded,
        &[
            "the account is closed",
            "Given back to the sender&#39;s wallet",
            "AC04",
        ],
    );
    Ok(())
}

async fn foreign_names() -> Result<()> {
    let scene = Scene::new().await?;
    for path in ["/", &format!("/transfers/{}", scene.completed)] {
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8080"] {
            let page = scene.get_as(host, path).await;
            assert_eq!(page.status, 403, "{host}");
            contains(&page, &["no sign-in yet"]);
            assert!(!page.body.contains("Alice") && !page.body.contains(&scene.completed));
        }
    }
    Ok(())
}

async fn live_data() -> Result<()> {
    let scene = Scene::new().await?;
    scene.add_live_partner().await?;
    for path in ["/", &format!("/transfers/{}", scene.completed)] {
        let page = scene.get(path).await;
        assert_eq!(page.status, 403);
        contains(&page, &["there is live data"]);
        assert!(!page.body.contains("Alice") && !page.body.contains(&scene.completed));
    }
    Ok(())
}

async fn escaped() -> Result<()> {
    let scene = Scene::new().await?;
    for path in ["/", &format!("/transfers/{}", scene.completed)] {
        let page = scene.get(path).await;
        assert!(!page.body.contains("<img src=x"), "{path}");
        contains(&page, &["&#60;img src=x onerror=alert(1)&#62;"]);
    }
    Ok(())
}

async fn light() -> Result<()> {
    let scene = Scene::new().await?;
    let mut assets = 0;
    for (name, kind) in [
        ("console.css", "text/css; charset=utf-8"),
        ("local-time.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let file = scene.get(&format!("/console/{name}")).await;
        assert_eq!((file.status, file.header("content-type")), (200, kind));
        assets += file.body.len();
    }
    for path in ["/", &format!("/transfers/{}", scene.in_doubt)] {
        let page = scene.get(path).await;
        assert!(
            page.body.len() + assets < HEAVIEST,
            "{path}: {}",
            page.body.len() + assets
        );
        for forbidden in [
            "http://",
            "https://",
            "style=",
            "<style",
            "javascript:",
            "onclick",
        ] {
            assert!(!page.body.contains(forbidden), "{forbidden} in {path}");
        }
        assert_eq!(page.body.matches("<script").count(), 1, "{path}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
    }
    Ok(())
}

async fn missing() -> Result<()> {
    let scene = Scene::new().await?;
    for path in [
        "/transfers/tr_00000000000000000000000000",
        "/transfers/x",
        "/transfers/%ff",
    ] {
        let page = scene.get(path).await;
        assert_eq!(page.status, 404, "{path}");
    }
    for path in [
        "/console/none.css",
        "/console/..%2flib.rs",
        "/console/%2e%2e%2f%2e%2e%2fCargo.toml",
    ] {
        assert_eq!(scene.get(path).await.status, 404, "{path}");
    }
    Ok(())
}

/// Every page, wide and narrow, in light and in dark. That its script ran under the policy shows in
/// the local times.
async fn browser(chromium: &'static Chromium) -> Result<()> {
    let scene = Scene::new().await?;
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../console");
    std::fs::create_dir_all(&folder)?;
    let pages = [
        ("overview", "/".to_owned()),
        ("in-doubt", format!("/transfers/{}", scene.in_doubt)),
        ("refunded", format!("/transfers/{}", scene.refunded)),
        ("completed", format!("/transfers/{}", scene.completed)),
    ];
    let address = scene.address;
    let looks = tokio::task::spawn_blocking(move || {
        for (name, path) in pages {
            let url = format!("http://{address}{path}");
            let dom = chromium.dump_dom(&url)?;
            ensure!(
                dom.contains("<span class=\"local\">2"),
                "no local time on {path}: {dom}"
            );
            for (dark, light) in [(false, "light"), (true, "dark")] {
                let wide = Window {
                    width: 1280,
                    height: 1250,
                    dark,
                };
                chromium.screenshot_in(
                    &url,
                    &folder.join(format!("{name}-wide-{light}.png")),
                    wide,
                )?;
                let narrow = Window {
                    width: 500,
                    height: 2400,
                    dark,
                };
                let framed = format!("http://{address}/narrow{path}");
                chromium.screenshot_in(
                    &framed,
                    &folder.join(format!("{name}-narrow-{light}.png")),
                    narrow,
                )?;
            }
        }
        anyhow::Ok(())
    });
    looks.await?
}
