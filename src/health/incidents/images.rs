//! Images that do not come: refused, not there, or a registry that does not answer.

use super::real::real_pod;
use super::scene::{Pod, Scene};
use serde_json::json;

/// What the runtime says, and what a person has to hear of it.
const WAYS: [(&str, &str); 6] = [
    (
        "failed to pull and unpack image \"registry.example.org/app:2\": failed to resolve reference \
         \"registry.example.org/app:2\": failed to authorize: failed to fetch oauth token: unexpected status from GET \
         request to https://registry.example.org/token: 401 Unauthorized",
        "refuses",
    ),
    (
        "failed to pull and unpack image \"registry.example.org/app:2\": failed to resolve reference \
         \"registry.example.org/app:2\": unexpected status from HEAD request to \
         https://registry.example.org/v2/app/manifests/2: 403 Forbidden",
        "refuses",
    ),
    (
        "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example.org/app:2\": \
         registry.example.org/app:2: not found",
        "does not have it",
    ),
    ("manifest for registry.example.org/app:2 not found: manifest unknown", "does not have it"),
    (
        "failed to pull and unpack image \"registry.example.org/app:2\": failed to do request: Head \
         \"https://registry.example.org/v2/app/manifests/2\": dial tcp 192.0.2.9:443: i/o timeout",
        "does not answer",
    ),
    (
        "failed to pull and unpack image \"registry.example.org/app:2\": failed to do request: Head \
         \"https://registry.example.org/v2/app/manifests/2\": net/http: TLS handshake timeout",
        "does not answer",
    ),
];

/// Another workload has an image of the same registry and runs: it is this one's secret, or this one's image.
#[tokio::test]
async fn one_workload_gets_no_image_and_a_person_hears_why() {
    for (said, why) in WAYS {
        let scene = Scene::well().await;
        scene.deployment("web", "blog", 1, 1);
        scene.pod(&Pod { of: "blog", ..Pod::shop(1, "metal1") });
        let mut pod = real_pod(3, "shop", 1);
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] =
            json!(format!("Back-off pulling image \"registry.example.org/app:2\": ErrImagePull: {said}"));
        scene.put(pod);
        scene.shop(1);
        let expected = [
            "RED image-pull of Deployment web/shop",
            "  YELLOW unavailable of Deployment web/shop",
            "the gate is closed",
        ];
        assert_eq!(scene.tells().await, expected, "{said}");
        let told = scene.says("image-pull").await;
        assert!(told.len() == 1 && told[0].contains(why), "{said}: {told:?}");
        scene.server.shutdown().await;
    }
}

#[tokio::test]
async fn a_registry_answers_nobody() {
    let scene = Scene::well().await;
    let said = "Back-off pulling image \"registry.example.org/app:2\": ErrImagePull: failed to do request: Head \
                \"https://registry.example.org/v2/app/manifests/2\": dial tcp: lookup registry.example.org: no such host";
    for of in ["blog", "shop"] {
        scene.pod(&Pod { of, ..Pod::waiting(1, "ImagePullBackOff", said) });
        scene.deployment("web", of, 1, 0);
    }
    let expected = [
        "RED image-pull of Deployment web/blog",
        "  RED unavailable of Deployment web/blog",
        "RED image-pull of Deployment web/shop",
        "  RED unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.tells().await, expected);
    let told = scene.says("image-pull").await;
    assert!(told.iter().all(|said| said.contains("does not answer")), "{told:?}");
    scene.server.shutdown().await;
}

/// Between two tries the runtime only says that it waits. It is the same finding, and it is not well.
#[tokio::test]
async fn between_two_tries_nothing_is_said() {
    let scene = Scene::well().await;
    let said = "Back-off pulling image \"registry.example.org/app:2\"";
    scene.pod(&Pod::waiting(1, "ImagePullBackOff", said));
    scene.shop(1);
    let expected = [
        "RED image-pull of Deployment web/shop",
        "  YELLOW unavailable of Deployment web/shop",
        "the gate is closed",
    ];
    assert_eq!(scene.told().await, expected);
}
