"""Range coding. The interval is kept whole, in numbers of any length: nothing carries and nothing is settled early."""

TOP = 2**32


class Interval:
    """`low` and `range` count units of 2^-(32 + 8 settled)."""

    def __init__(self):
        self.low, self.range, self.settled = 0, TOP - 1, 0

    def narrow(self, at, width, total):
        r = self.range // total
        spare = self.range - r * total
        if at == 0:
            self.range = spare + r * width
        else:
            self.low += spare + r * at
            self.range = r * width
        while self.range < 2**24:
            self.low, self.range, self.settled = self.low << 8, self.range << 8, self.settled + 1

    def bytes_for(self, width, total):
        """Bytes that surely hold one symbol more of this frequency."""
        zeros = 32 - (self.range // total * width).bit_length()
        return self.settled + zeros // 8 + 1

    def bits(self):
        return 8 * self.settled + 32 - self.range.bit_length()


class Encoder(Interval):
    def symbol(self, model, symbol):
        self.narrow(*model.span(symbol), model.total())
        model.learn(symbol)

    def payload(self, least_bytes=0):
        """The fewest bytes for which some X is in the interval, with the smallest X, then `ff` to the length."""
        length = 0
        while True:
            shift = 32 + 8 * self.settled - 8 * length
            x = -(-self.low >> shift) if shift >= 0 else self.low << -shift
            if (x << shift if shift >= 0 else x >> -shift) < self.low + self.range:
                break
            length += 1
        body = bytes(255 - byte for byte in x.to_bytes(length, "big"))
        return body + b"\xff" * (least_bytes - length)


class Decoder(Interval):
    def __init__(self, payload):
        super().__init__()
        self.x = [255 - byte for byte in payload]
        if self.x[:4] == [255] * 4:
            self.x[3] = 254
            self.x[4:] = []

    def code(self):
        digits = (self.x + [0] * (self.settled + 4))[: self.settled + 4]
        return int.from_bytes(bytes(digits), "big") - self.low

    def frequency(self, total):
        r = self.range // total
        spare = self.range - r * total
        return max(self.code() - spare, 0) // r

    def one_of(self, total):
        value = self.frequency(total)
        self.narrow(value, 1, total)
        return value

    def symbol(self, model):
        frequency = self.frequency(model.total())
        symbol = max(i for i in range(len(model.frequencies)) if model.span(i)[0] <= frequency)
        self.narrow(*model.span(symbol), model.total())
        model.learn(symbol)
        return symbol


class Adaptive:
    """A model that learns how often each symbol comes."""

    def __init__(self, symbols):
        self.frequencies = [1] * symbols

    def total(self):
        return sum(self.frequencies)

    def span(self, symbol):
        """From and width."""
        return sum(self.frequencies[:symbol]), self.frequencies[symbol]

    def learn(self, symbol):
        if self.total() + 2 > 4096:
            self.frequencies = [(frequency + 1) // 2 for frequency in self.frequencies]
        self.frequencies[symbol] += 2
