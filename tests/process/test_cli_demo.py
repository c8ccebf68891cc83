def test_the_demo_shows_every_kind_of_message_and_nothing_is_refused(launch):
    demo = launch("demo")
    wanted = {
        "✓ delivered": "/api/orders",
        "! error": "/api/flaky",
        "✗ failed": "/api/broken",
        "• created": "/api/failed",
    }
    assert demo.stdout.readline().startswith("Upstash QStash development server is running at ")
    places = ["/api/callback", "/api/remind", "/api/mail", "/api/thumb", "/api/search"]
    places += ["· 1/5  Your app is not running", "· 5/5  ... and it is green"]
    while wanted or places:
        line = demo.stdout.readline()
        assert line, demo.stderr.read()
        wanted = {state: to for state, to in wanted.items() if not (state in line and to in line)}
        places = [place for place in places if place not in line]
    demo.terminate()
    _, errors = demo.communicate(timeout=60)
    assert (demo.returncode, errors) == (0, "")
