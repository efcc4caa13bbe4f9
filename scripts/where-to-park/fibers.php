<?php
// Prints, for each kind of place, whether a fiber can suspend there: three of them, first in, first out.
class Text {
  function __toString(): string { Fiber::suspend(); return 'a'; }
  function __get($name) { Fiber::suspend(); return $name; }
}
class Made { function __construct() { Fiber::suspend(); } }
class Finalized { function __destruct() { Fiber::suspend(); } }
class Cycle { public $self; function __construct() { $this->self = $this; } function __destruct() { Fiber::suspend(); } }
function items() { yield 1; Fiber::suspend(); yield 2; }

$places = [
  'conversion to a string' => fn() => (string) new Text,
  'sort: the comparison' => function () { $a = [3, 1, 2]; usort($a, function ($x, $y) { Fiber::suspend(); return $x <=> $y; }); return $a; },
  'replace: the callback' => fn() => preg_replace_callback('/b/', function () { Fiber::suspend(); return 'x'; }, 'abc'),
  'missing member' => fn() => (new Text)->other,
  'iterator or generator' => fn() => iterator_to_array(items()),
  'constructor' => fn() => new Made,
  'while an exception is handled' => function () { try { throw new Exception('a'); } catch (Exception $e) { Fiber::suspend(); return $e->getMessage(); } },
  'finalizer' => function () { $one = new Finalized; unset($one); return 1; },
  'finalizer, called by the collector of cycles' => function () { new Cycle; gc_collect_cycles(); return 1; },
  'evaluated text' => fn() => eval('Fiber::suspend(); return 1;'),
  'host callback from C' => fn() => array_map(function ($n) { Fiber::suspend(); return $n; }, [1, 2]),
];
foreach ($places as $place => $body) {
  $failed = null;
  $parked = 0;
  $all = [];
  for ($i = 0; $i < 3; $i++) {
    $all[] = new Fiber(function () use ($body, &$failed) { try { $body(); } catch (Throwable $e) { $failed ??= $e; } });
  }
  foreach ($all as $one) { $one->start(); if (!$one->isTerminated()) $parked++; }
  do {
    $left = false;
    foreach ($all as $one) {
      if ($one->isTerminated()) continue;
      $one->resume();
      if (!$one->isTerminated()) { $parked++; $left = true; }
    }
  } while ($left);
  echo $place, "\t", $failed ? get_class($failed) . ': ' . $failed->getMessage() : ($parked > 0 ? 'parks' : 'did not park'), "\n";
}
