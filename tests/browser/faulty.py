"""A connection to the server on which answers get lost: a relay that cuts connections on request."""
import contextlib
import socket
import threading


class Faulty:
    """Relays to 127.0.0.1:port.

    lose(b"/label ") drops the answer to the next request whose first line has that; refuse(b"/label ") has it answered by 429,
    and not reach the server, as nginx does when somebody asks too fast. hold(b"/1.png ") keeps requests like that one until
    release(), as a line does that is slow. With prompting = False the browser
    does not ask for a password, as if the person had closed that dialog (which a headless one can't show).
    """

    def __init__(self, port):
        self.to = port
        self.prompting = True
        self.losing = None
        self.lost = threading.Event()
        self.refusing = None
        self.refused = threading.Event()
        self.holding = None
        self.held = threading.Event()
        self.released = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, words):
        self.lost.clear()
        self.losing = words

    def refuse(self, words):
        self.refused.clear()
        self.refusing = words

    def hold(self, words):
        self.held.clear()
        self.released.clear()
        self.holding = words

    def release(self):
        self.holding = None
        self.released.set()

    def close(self):
        self.release()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near):
        far = socket.create_connection(("127.0.0.1", self.to))
        dropping = threading.Event()
        threading.Thread(target=self._back, args=(far, near, dropping), daemon=True).start()
        try:
            while part := near.recv(65536):
                if self.refusing and self.refusing in part.split(b"\r\n", 1)[0]:
                    self.refusing = None
                    near.sendall(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
                    self.refused.set()
                    continue
                if self.holding and self.holding in part.split(b"\r\n", 1)[0]:
                    self.held.set()
                    self.released.wait()
                if self.losing and self.losing in part.split(b"\r\n", 1)[0]:
                    self.losing = None
                    dropping.set()
                far.sendall(part)
        except OSError:
            pass
        end(far)

    def _back(self, far, near, dropping):
        try:
            while part := far.recv(65536):
                if dropping.is_set():  # the server has done what it was asked: nobody hears of it
                    self.lost.set()
                    break
                if not self.prompting:
                    part = part.replace(b"WWW-Authenticate:", b"X-Authenticate:")
                near.sendall(part)
        except OSError:
            pass
        end(near)


def end(connection):
    """Ends it also for the thread that waits on it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
