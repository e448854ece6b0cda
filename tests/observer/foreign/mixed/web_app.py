# lanes: main, server, user-1, user-2
# things: lock visits_lock
"""A small web application: routes by decorators, a thread for each request, and two users."""
import http.client
import http.server
import json
import threading

ROUTES = {}
visits, visits_lock = {}, threading.Lock()
local = threading.local()


def route(path):
    def register(view):
        ROUTES[path] = view
        return view
    return register


@route("/hello")
def hello(user):
    with visits_lock:
        visits[user] = visits.get(user, 0) + 1
        return {"hello": user, "visits": visits[user], "own": local.user}


@route("/fail")
def fail(user):
    raise PermissionError(user)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, user = self.path.partition("?")
        local.user = user
        try:
            status, body = 200, ROUTES[path](user)
        except KeyError:
            status, body = 404, {"no": path}
        except PermissionError as error:
            status, body = 403, {"error": str(error)}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args):
        pass


def use(port, user, answers):
    for path in ("/hello", "/hello", "/fail", "/nowhere"):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", f"{path}?{user}")
        response = connection.getresponse()
        answers.append((response.status, response.read().decode()))
        connection.close()


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="server").start()
    answers = {"ann": [], "ben": []}
    users = [threading.Thread(target=use, args=(server.server_port, user, answers[user]), name=f"user-{n}")
             for n, user in enumerate(answers, 1)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join()
    server.shutdown()
for user, said in answers.items():
    print(user, *said, sep="\n  ")
